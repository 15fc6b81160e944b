import os
import select
import signal
import subprocess
import tempfile
import time

from .driver import Case, framed, read, request


class Starts(Case):
    def test_a_mute_worker_answers_nothing_until_its_port_ends(self):
        worker = self.worker("--mute")
        worker.write(framed(request(0, "ping", {"initialization": True})) + framed(request(1, "echo")))
        worker.stdin.close()
        self.assertEqual(self.assertEnds(worker), "")
        self.assertEqual(worker.stdout.read(), b"")

    def test_a_worker_may_exit_in_place_of_its_hello(self):
        worker = self.worker("--exit-at-hello", "70")
        with self.assertRaises(EOFError):
            worker.hello()
        self.assertEqual(self.assertEnds(worker, 70), "")

    def test_of_both_it_exits(self):
        worker = self.worker("--mute", "--exit-at-hello", "71")
        with self.assertRaises(EOFError):
            worker.hello()
        self.assertEnds(worker, 71)

    def test_a_worker_that_is_to_exit_ends_with_its_port_all_the_same(self):
        worker = self.worker("--exit-at-hello", "70")
        worker.stdin.close()
        self.assertEnds(worker)


class Orders(Case):
    def order(self, fault, command="echo", flags=(), **args):
        worker = self.worker("--faults", *flags, start_new_session=True)
        worker.hello()
        self.assertServes(worker)
        worker.write(framed(request(9, command, args, fault=fault)))
        return worker

    def test_an_exit_comes_in_place_of_the_reply(self):
        for fault in ({"exit": 70}, {"exit": 70, "after_ns": 0}):
            worker = self.order(fault, "call", function="called:sleep")  # it would say that it has begun
            self.assertEqual(self.assertEnds(worker, 70), "")
            self.assertEqual(worker.stdout.read(), b"")

    def test_an_exit_may_come_in_the_midst_of_a_call(self):
        for function in ("sleep", "burn"):
            with self.subTest(function):
                began = time.monotonic()
                worker = self.order({"exit": 71, "after_ns": 200000000}, "call", function="called:" + function)
                self.assertEqual(worker.line(), "begun\n")
                self.assertEnds(worker, 71)
                self.assertGreaterEqual(time.monotonic() - began, 0.2)

    def test_a_call_that_ends_before_is_not_answered_either(self):
        for command, args in (("echo", {}), ("call", {"function": "called:fail", "args": ["in vain"]})):
            worker = self.order({"exit": 72, "after_ns": 3600 * 10**9}, command, **args)
            self.assertEnds(worker, 72)
            self.assertEqual(worker.stdout.read(), b"")

    def test_what_cannot_be_is_an_error_reply(self):
        worker = self.worker("--faults")
        for fault, say in (
            (None, "must be an object of after_ns, close, exit, .* not None"),
            (7, "must be an object"),
            ({}, "must have one of exit, signal, hang, close, or say"),
            ({"exit": 1, "signal": 9}, "must have one of"),
            ({"exit": 0}, "fault.exit must be an integer from 1 to 255, not 0"),
            ({"exit": 256}, "not 256"),
            ({"exit": True}, "not True"),
            ({"exit": 1, "after_ns": -1}, "fault.after_ns must be an integer from 0 to .* not -1"),
            ({"exit": 1, "after_ns": 0.5}, "not 0.5"),
            ({"exit": 1, "replied": 1}, "fault.replied must be a bool, not 1"),
            ({"hang": True}, "fault.hang must be one of deadlock, gil, not True"),
            ({"say": {"cut": -1}}, "fault.say.cut must be an integer"),
            ({"say": {"loud": True}}, "fault.say has no loud"),
            ({"exits": 1}, "must be an object"),
        ):
            reply = worker.ask("echo", {}, fault=fault)
            self.assertRegex(reply.get("error", ""), "^OrderError: .*" + say)
        self.assertServes(worker)

    def test_are_obeyed_by_a_harness_s_workers_alone(self):
        worker = self.worker()
        self.assertTrue(worker.ask("echo", {}, fault={"exit": 70})["success"])
        self.assertServes(worker)

    def test_a_signal_may_end_a_worker(self):
        for number in (6, 9, 11, 15):
            for fault in ({"signal": number}, {"signal": number, "after_ns": 1000000}):
                with self.subTest(fault):
                    worker = self.order(fault, "call", function="called:sleep")
                    self.assertEqual(worker.ended()[0], -number)

    def test_a_signal_ends_also_who_ignores_it(self):
        worker = self.order({"signal": signal.SIGTERM}, flags=["--ignore-end"])
        self.assertEqual(worker.ended()[0], -signal.SIGTERM)

    def test_an_end_may_come_after_the_reply(self):
        for fault in ({"exit": 70, "replied": True}, {"exit": 70, "replied": True, "after_ns": 1000000}):
            worker = self.order(fault, "echo", n=1)
            self.assertEqual(worker.receive()["result"], {"n": 1})
            self.assertEnds(worker, 70)

    def test_a_grandchild_may_hold_the_port(self):
        began = time.monotonic()
        worker = self.order({"exit": 70, "hold_ns": 300000000})
        self.assertEqual(worker.process.wait(60), 70)
        with self.assertRaises(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)  # it is out of reach
        self.assertEqual(worker.stdout.read(), b"")  # its end comes with the grandchild's
        self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_a_worker_that_waits_for_itself_ends_with_its_port(self):
        worker = self.order({"hang": "deadlock"})
        self.assertEqual(worker.line(), "butfor_worker: fault in request 9\n")
        worker.stdin.close()
        self.assertEnds(worker)

    def test_one_that_holds_the_interpreter_does_not(self):
        worker = self.order({"hang": "gil"})
        self.assertEqual(worker.line(), "butfor_worker: fault in request 9\n")
        clock = ~worker.process.pid << 3 | 2  # its CPU time, see clock_getcpuclockid(3)
        began = time.clock_gettime(clock)
        while time.clock_gettime(clock) < began + 0.1:
            time.sleep(0.001)
        worker.stdin.close()
        with self.assertRaises(subprocess.TimeoutExpired):
            worker.process.wait(0.2)

    def test_a_port_may_be_closed_by_a_worker_that_lives(self):
        for side in ("both", "out"):
            worker = self.order({"close": side})
            self.assertEqual(worker.stdout.read(), b"")
            self.assertIsNone(worker.process.poll())
        worker.stdin.close()  # it still reads
        self.assertEnds(worker)

    def test_half_a_port_may_be_closed(self):
        worker = self.order({"close": "in", "replied": True}, n=1)
        self.assertEqual(worker.receive()["result"], {"n": 1})
        with self.assertRaises(BrokenPipeError):
            while True:
                worker.write(b" ")
        self.assertIsNone(worker.process.poll())

    def said(self, say, size):
        """What a worker says that is ordered to, as far as it is asked for."""
        worker = self.order({"say": say}, n=1)
        data = read(worker.stdout, size)
        while "fault in request 9" not in worker.line():
            pass
        return data

    def test_a_reply_goes_out_as_ordered(self):
        whole = framed(b'{"id":9,"success":true,"result":{"n":1},"timestamp":')
        rest = whole[4:]
        self.assertEqual(self.said({"noise": 20}, 20), b"butfor noise\nbutfor ")
        self.assertEqual(self.said({"size": 1 << 31}, 10), b"\x80\0\0\0" + rest[:6])
        self.assertEqual(self.said({"bit": 40}, 10)[4:], b"z" + rest[1:6])
        self.assertEqual(self.said({"slice": 3, "gap_ns": 1000}, 40)[4:], rest[:36])
        self.assertIn(b'"id":1,', self.said({"stale": True}, 40))
        self.assertIn(b'{"id":77,', self.said({"id": 77}, 40))
        self.assertIn(b'"result":{"status":"soon"}', self.said({"status": "soon"}, 60))

    def test_a_reply_may_come_behind_much_on_stderr(self):
        worker = self.order({"say": {"stderr": 200000}}, n=1)
        self.assertEqual(worker.line(), "butfor noise\n")
        self.assertEqual(len(read(worker.stderr, 200000 - 13)), 200000 - 13)
        self.assertEqual(worker.receive()["result"], {"n": 1})

    def test_a_reply_may_come_late_and_twice(self):
        began = time.monotonic()
        worker = self.order({"say": {"late_ns": 100000000, "again": True, "again_after_ns": 100000000}}, n=1)
        self.assertEqual(worker.receive(), worker.receive())
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        for after_ns in (0, 1):
            worker = self.order({"say": {"again": True, "again_after_ns": after_ns, "cut": 4}}, n=1)
            self.assertRegex(read(worker.stdout, 20), b'(?s)^(....)\\1{"id":9')

    def test_who_writes_in_pieces_states_it_before_the_last(self):
        worker = self.order({"say": {"slice": 40, "gap_ns": 3600 * 10**9}}, n=1)
        read(worker.stdout, 40)
        self.assertEqual(select.select([worker.stderr], [], [], 0)[0], [])

    def test_a_reply_may_be_cut_short(self):
        worker = self.order({"exit": 70, "replied": True, "say": {"cut": 7}}, n=1)
        self.assertEqual(worker.stdout.read()[4:], b'{"i')
        self.assertEqual(worker.process.wait(60), 70)

    def test_the_hello_may_be_hurt(self):
        worker = self.worker("--at-hello", '{"say":{"status":"soon"}}')
        self.assertEqual(worker.hello()["result"], {"status": "soon"})
        self.assertServes(worker)

    def test_a_worker_may_ignore_its_end(self):
        worker = self.worker("--ignore-end")
        self.assertServes(worker)
        worker.process.terminate()
        self.assertServes(worker)
        worker.stdin.close()
        self.assertEqual(worker.line(), "butfor_worker: fault: it stays when its port has ended\n")
        worker.process.terminate()
        self.assertIsNone(worker.process.poll())

    def test_a_start_may_import_a_module(self):
        worker = self.worker("--boot-import", "xml.sax")
        self.assertEqual(worker.line(), "butfor_worker: fault: it has imported what it was to\n")
        self.assertServes(worker)
        self.assertIn("nothing_like_it", self.assertEnds(self.worker("--boot-import", "nothing_like_it"), 1))

    def test_a_start_may_import_from_a_slow_disk(self):
        for rate, slow in ((1, False), (10**12, True)):
            with tempfile.TemporaryDirectory() as folder:
                with open(folder + "/large.py", "w") as file:
                    file.write("WORDS = %r\n" % ("word " * 50_000))
                    file.flush()
                    os.fsync(file.fileno())
                worker = self.worker("--boot-disk", "%d:%s:large" % (rate, folder), "--boot-import", "xml.sax")
                said = worker.line()
                if slow and "imported" in said and os.major(os.stat(folder).st_dev) == 0:
                    self.skipTest("%s is on no disk" % folder)
                self.assertIn("its disk was as slow" if slow else "it has imported", said)
                self.assertServes(worker)
