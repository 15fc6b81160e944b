import time

from .driver import Case, framed, request


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
    def order(self, fault, command="echo", **args):
        worker = self.worker("--faults")
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
            (None, "must be an object of exit and after_ns, not None"),
            (7, "must be an object"),
            ({}, "fault.exit must be an exit status from 1 to 255, not None"),
            ({"exit": 0}, "not 0"),
            ({"exit": 256}, "not 256"),
            ({"exit": True}, "not True"),
            ({"exit": 1, "after_ns": -1}, "fault.after_ns must be a number of nanoseconds .* not -1"),
            ({"exit": 1, "after_ns": 0.5}, "not 0.5"),
            ({"exit": 1, "hang": True}, "must be an object"),
        ):
            reply = worker.ask("echo", {}, fault=fault)
            self.assertRegex(reply.get("error", ""), "^OrderError: .*" + say)
        self.assertServes(worker)

    def test_are_obeyed_by_a_harness_s_workers_alone(self):
        worker = self.worker()
        self.assertTrue(worker.ask("echo", {}, fault={"exit": 70})["success"])
        self.assertServes(worker)
