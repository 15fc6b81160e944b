import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from .driver import HERE, MAIN, PARENT, PATIENCE_S, Case, framed, read, request


class EndOfFile(Case):
    def test_ends_an_idle_worker(self):
        worker = self.worker()
        worker.hello()
        worker.stdin.close()
        self.assertEqual(self.assertEnds(worker), "")

    def test_ends_a_call(self):
        for function in ("sleep", "burn"):
            with self.subTest(function):
                worker = self.worker()
                worker.begin("call", function="called:" + function)
                self.assertEqual(worker.line(), "begun\n")
                worker.stdin.close()
                self.assertEnds(worker)

    def test_ends_our_own_sleep_and_burn(self):
        for command, args in (("sleep", {"s": 1e6}), ("burn", {"cpu_s": 1e6})):
            with self.subTest(command):
                worker = self.worker()
                worker.hello()
                worker.begin(command, **args)
                worker.stdin.close()
                self.assertEnds(worker)

    def test_ends_a_start(self):
        for flag in ("--boot-cpu", "--boot-wait"):
            with self.subTest(flag):
                worker = self.worker(flag, "1e6")
                worker.stdin.close()
                self.assertEnds(worker)

    def test_ends_a_call_stuck_in_a_full_stderr(self):
        worker = self.worker()
        worker.begin("call", function="called:flood")
        self.assertEqual(worker.line(), "begun\n")
        worker.stdin.close()
        self.assertEqual(worker.process.wait(PATIENCE_S), 0)

    def test_ends_a_worker_that_a_frame_was_cut_short_for(self):
        worker = self.worker()
        worker.write(framed(request(1, "echo"))[:9])
        worker.stdin.close()
        self.assertEnds(worker)

    def test_of_one_direction_of_a_socket_ends_a_call(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        worker = self.worker(stdin=theirs, stdout=theirs)
        theirs.close()
        ours.sendall(framed(request(1, "call", {"function": "called:sleep"})))
        self.assertEqual(worker.line(), "begun\n")
        ours.shutdown(socket.SHUT_WR)
        self.assertEnds(worker)

    def test_of_the_reader_of_its_replies_ends_a_call(self):
        worker = self.worker()
        worker.begin("call", function="called:sleep")
        self.assertEqual(worker.line(), "begun\n")
        worker.stdout.close()
        self.assertEnds(worker)

    def test_of_the_reader_of_its_replies_ends_the_main_loop_alone(self):
        code = (
            "import os; from butfor_worker.serve import serve; requests, to = os.pipe(); reader, replies = os.pipe();"
            "os.write(to, %r); os.close(reader); print(serve(requests, replies, 1 << 20, 0))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code % framed(request(1, "echo"))], cwd=PARENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.assertEqual(run.stdout, b"None\n")

    def test_loses_no_line_already_printed(self):
        worker = self.worker()
        worker.begin("call", function="called:print_open", args=["no line's end"])
        self.assertEqual(worker.line(), "begun\n")
        worker.stdin.close()
        self.assertIn("no line's end", self.assertEnds(worker))

    def test_of_a_file_comes_after_its_last_request(self):
        requests = b"".join(framed(request(n, "sleep", {"s": 0.01}, evidence=True)) for n in range(1, 11))
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as replies:
            file.write(requests)
            file.seek(0)
            worker = self.worker(stdin=file, stdout=replies)
            self.assertEqual(self.assertEnds(worker), "")
            replies.seek(0)
            for n in range(1, 11):
                reply = read(replies, int.from_bytes(read(replies, 4), "big"))
                self.assertIn(b'{"id":%d,"success":true' % n, reply)

    def test_of_dev_null_comes_at_once(self):
        self.assertEqual(self.assertEnds(self.worker(stdin=subprocess.DEVNULL)), "")

    def test_is_waited_for_without_computing(self):
        watcher = {"function": "called:others_on_cpu_ns"}
        requests = framed(request(1, "call", watcher)) + framed(request(2, "sleep", {"s": 0.3})) + framed(request(3, "call", watcher))
        with tempfile.TemporaryFile() as file:
            file.write(requests)
            file.seek(0)
            by_file, by_pipe = self.worker(stdin=file), self.worker()
            by_pipe.write(requests)
            for worker in (by_file, by_pipe):
                before, _, after = (worker.receive()["result"] for _ in range(3))
                self.assertLess(after - before, 20e6)


class ParentDeath(Case):
    @unittest.skipUnless(hasattr(os, "pidfd_open"), "the system cannot tell")
    def test_ends_a_worker_whose_port_stays_open(self):
        requests, to_worker = os.pipe()
        from_worker, replies = os.pipe()
        start = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], stdin=%d, stdout=%d); time.sleep(1e6)"
        parent = subprocess.Popen(
            [sys.executable, "-c", start % (requests, replies), sys.executable, "-S", "-E", MAIN, "--path", HERE],
            pass_fds=(requests, replies),
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.addCleanup(parent.stderr.close)
        self.addCleanup(parent.wait)
        self.addCleanup(parent.kill)
        os.close(requests)
        os.close(replies)
        self.addCleanup(os.close, to_worker)
        os.write(to_worker, framed(request(1, "ping")) + framed(request(2, "call", {"function": "called:sleep"})))
        with open(from_worker, "rb", 0) as stream:
            self.assertIn(b'"ok"', read(stream, int.from_bytes(read(stream, 4), "big")))
            self.assertEqual(read(parent.stderr, 6), b"begun\n")
            parent.kill()
            with self.assertRaises(EOFError):
                read(stream, 1)


class Shutdown(Case):
    def test_waits_for_no_thread_and_no_exit_handler(self):
        worker = self.worker()
        worker.call("called:linger")
        worker.do("shutdown")
        self.assertEnds(worker)

    def test_leaves_later_requests_alone(self):
        worker = self.worker()
        worker.write(framed(request(1, "shutdown")) + framed(request(2, "echo")))
        self.assertEqual(worker.receive()["id"], 1)
        with self.assertRaises(EOFError):
            worker.receive()
        self.assertEnds(worker)


class Interrupt(Case):
    def worker(self):
        # A test run in the background of a shell ignores interrupts, and what
        # it starts would, too.
        return super().worker(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def test_between_calls_ends_it_quietly(self):
        worker = self.worker()
        worker.hello()
        while worker.process.poll() is None:  # Python notices one right before a read only after it
            worker.process.send_signal(signal.SIGINT)
            try:
                worker.process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(self.assertEnds(worker, 130), "")

    def test_in_a_call_is_an_error(self):
        worker = self.worker()
        worker.begin("call", function="called:burn")
        self.assertEqual(worker.line(), "begun\n")
        worker.process.send_signal(signal.SIGINT)
        self.assertEqual(worker.receive()["error"], "KeyboardInterrupt")
        self.assertServes(worker)


class Children(Case):
    """What a worker leaves behind does not keep its port open."""

    def stay(self, function):
        worker = self.worker()
        child = worker.call(function)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        worker.process.kill()
        with self.assertRaises(EOFError):
            worker.receive()

    def test_forked(self):
        self.stay("called:fork_and_stay")

    def test_spawned(self):
        self.stay("called:spawn_and_stay")

    def test_forked_and_back_in_the_main_loop_answer_nothing(self):
        worker = self.worker()
        self.assertEqual(worker.call("called:fork_and_return"), 1)
        self.assertServes(worker)
