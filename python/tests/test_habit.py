import os
import subprocess
import sys

from .driver import MAIN, PATIENCE_S, Case, framed, request


class Habits(Case):
    def test_a_worker_may_stay_when_it_is_told_to_go(self):
        worker = self.worker("--habit", "stays")
        self.assertEqual(worker.do("shutdown")["status"], "shutting_down")
        self.assertServes(worker)
        worker.stdin.close()
        self.assertEnds(worker)

    def test_a_worker_may_outlive_its_port_busy_and_loud(self):
        worker = self.worker("--habit", "outlives")
        worker.hello()
        worker.stdin.close()
        for _ in range(1000):
            self.assertIn("end of file", worker.line())
        self.assertIsNone(worker.process.poll())

    def test_a_worker_may_outlive_its_port_in_the_midst_of_a_call(self):
        worker = self.worker("--habit", "outlives")
        worker.hello()
        worker.begin("sleep", s=3600)
        worker.stdin.close()
        self.assertIn("end of file", worker.line())

    def test_a_worker_that_outlives_its_port_does_not_outlive_who_hears_it(self):
        worker = self.worker("--habit", "outlives")
        worker.hello()
        worker.stdin.close()
        worker.line()
        worker.stderr.close()
        self.assertEqual(worker.process.wait(PATIENCE_S), 0)

    def test_a_worker_that_outlives_its_port_does_not_outlive_its_parent(self):
        # Its stderr is the parent's, and so is heard to the end.
        parent = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).stdin.close(); sys.stdin.read()"
        argv = [sys.executable, "-W", "ignore", "-c", parent, sys.executable, "-S", "-E", MAIN, "--habit", "outlives"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertIn(b"end of file", process.stderr.readline())
            process.stdin.close()
            while process.stderr.read(65536):
                pass

    def test_nobody_may_wait_for_the_end_of_the_port(self):
        for habits, threads in ((), 2), (("--habit", "lingers"), 1):
            worker = self.worker(*habits)
            worker.hello()
            self.assertEqual(len(os.listdir("/proc/%d/task" % worker.process.pid)), threads)

    def test_what_is_printed_may_go_to_the_port(self):
        worker = self.worker("--habit", "prints")
        worker.hello()
        worker.begin("call", function="builtins:print", args=["hello"])
        self.assertEqual(worker.stdout.read(6), b"hello\n")
        self.assertEqual(worker.receive()["id"], 99)

    def test_what_is_written_to_stderr_may_go_to_the_port(self):
        worker = self.worker("--habit", "merges")
        worker.hello()
        worker.begin("call", function="warnings:warn", args=["hello"])
        said = b""
        while b"UserWarning: hello\n" not in said:
            said += worker.stdout.read(1)

    def test_what_cannot_be_answered_may_get_no_answer(self):
        worker = self.worker("--habit", "swallows", "--habit", "stays")
        worker.begin("call", function="builtins:object")
        worker.write(framed(b"[") + framed(b"{}"))
        self.assertServes(worker)
        self.assertIn("UnknownCommand", worker.fail("nothing"))  # that is an answer

    def test_a_listing_without_a_session_may_be_of_all(self):
        for habits, keys, programs in ((), [], 0), (("--habit", "shows"), ["k"], 1):
            worker = self.worker(*habits)
            worker.hello()
            worker.do("put", session_id="s1", key="k", value=1)
            worker.do("create_program", session_id="s1", id="p", callable="builtins:len")
            self.assertEqual(worker.do("list")["keys"], keys)
            self.assertEqual(worker.do("list_programs")["total_count"], programs)
            self.assertEqual(worker.do("list", session_id="s2")["keys"], [])

    def test_without_habits_there_is_one_to_each(self):
        worker = self.worker()
        self.assertIn("ResultError", worker.fail("call", function="builtins:object"))
        self.assertIsNone(worker.call("builtins:print", "hello"))

    def test_a_worker_may_be_left_by_the_wrapper_that_it_was_started_behind(self):
        worker = self.worker("--habit", "wrapped")
        self.assertEqual(worker.process.wait(), 0)
        self.assertServes(worker)
        worker.stdin.close()
        self.assertEqual(worker.stdout.read(), b"")  # it ends with its port all the same

    def test_what_a_worker_forks_may_lead_a_session(self):
        forks = "(lambda os, pid: os.waitpid(pid, 0)[1] if pid else os._exit(os.getsid(0) != os.getpid()))(__import__('os'), __import__('os').fork())"
        for habits, leads in ((), False), (("--habit", "scatters"), True):
            worker = self.worker(*habits)
            worker.hello()
            self.assertEqual(worker.do("call", function="builtins:eval", args=[forks]) == 0, leads)

    def test_libraries_may_be_told_to_start_many_threads(self):
        worker = self.worker("--habit", "crowds")
        worker.hello()
        told = "__import__('os').environ['OMP_NUM_THREADS'], __import__('ctypes').CDLL(None).getenv"
        told = "[%s, (lambda c: (setattr(c.getenv, 'restype', __import__('ctypes').c_char_p), c.getenv(b'OMP_NUM_THREADS').decode())[1])(__import__('ctypes').CDLL(None))]" % told.split(",")[0]
        self.assertEqual(worker.do("call", function="builtins:eval", args=[told]), ["64", "64"])
