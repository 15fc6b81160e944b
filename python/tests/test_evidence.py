import os
import tempfile
import unittest
from unittest import mock

from butfor_worker import evidence as module
from butfor_worker.commands import Worker
from butfor_worker.evidence import Evidence
from butfor_worker.port import LIMIT
from butfor_worker.serve import answer

from .driver import Case, request

KEYS = {"on_cpu_ns": int, "run_delay_ns": int, "major_faults": int, "import_ms": float}


class OfAWorker(Case):
    def assertEvidence(self, reply):
        self.assertEqual({key: type(value) for key, value in reply["evidence"].items()}, KEYS)
        for value in reply["evidence"].values():
            self.assertGreaterEqual(value, 0)
        return reply["evidence"]

    def test_comes_with_every_hello(self):
        evidence = self.assertEvidence(self.worker().hello())
        self.assertGreater(evidence["on_cpu_ns"], 0)
        self.assertGreater(evidence["import_ms"], 0)

    def test_comes_when_asked_for_and_only_then(self):
        worker = self.worker()
        for command in ("echo", "nope"):
            self.assertEvidence(worker.ask(command, evidence=True))
            for other in (False, 1, "yes", None):
                self.assertNotIn("evidence", worker.ask(command, evidence=other))
            self.assertNotIn("evidence", worker.ask(command))
        self.assertNotIn("evidence", worker.ask("ping"))
        reply = worker.ask("call", {"function": "called:give", "args": ["a set"]}, evidence=True)
        self.assertEqual(reply["error_type"], "ResultError")
        self.assertEvidence(reply)

    def test_is_a_total_that_grows_by_what_was_used(self):
        worker = self.worker()
        first = self.assertEvidence(worker.hello())
        burnt_s = worker.do("burn", cpu_s=0.05)["burnt_s"]
        last = self.assertEvidence(worker.ask("ping", evidence=True))
        self.assertGreaterEqual(last["on_cpu_ns"] - first["on_cpu_ns"], burnt_s * 1e9)
        self.assertEqual(last["import_ms"], first["import_ms"])

    def test_counts_threads_that_have_ended(self):
        worker = self.worker()
        first = self.assertEvidence(worker.hello())
        worker.call("called:threads", 8)
        last = self.assertEvidence(worker.ask("ping", evidence=True))
        self.assertGreater(last["on_cpu_ns"] - first["on_cpu_ns"], 5e6)


class Totals(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tasks = folder.name
        patch = mock.patch.object(module, "_TASKS", self.tasks)
        patch.start()
        self.addCleanup(patch.stop)
        self.evidence = Evidence(0)

    def delay(self, **threads):
        """The sum when there are these threads with these delays."""
        for thread in os.listdir(self.tasks):
            os.remove(os.path.join(self.tasks, thread, "schedstat"))
            os.rmdir(os.path.join(self.tasks, thread))
        for thread, delay_ns in threads.items():
            os.mkdir(os.path.join(self.tasks, thread))
            with open(os.path.join(self.tasks, thread, "schedstat"), "w") as file:
                file.write("999 %d 5\n" % delay_ns)
        return self.evidence.sample()["run_delay_ns"]

    def test_sum_up_all_threads(self):
        self.assertEqual(self.delay(t1=10, t2=5), 15)
        self.assertEqual(self.delay(t1=11, t2=25), 36)

    def test_keep_what_ended_threads_had(self):
        self.assertEqual(self.delay(t1=10, t2=5), 15)
        self.assertEqual(self.delay(t1=12), 17)
        self.assertEqual(self.delay(t1=12), 17)
        self.assertEqual(self.delay(t1=12, t3=1), 18)

    def test_know_a_new_thread_under_an_old_number(self):
        self.assertEqual(self.delay(t1=10, t2=5), 15)
        self.assertEqual(self.delay(t1=10, t2=3), 18)
        self.assertEqual(self.delay(t1=10, t2=4), 19)

    def test_take_a_thread_that_ends_while_being_listed_as_ended(self):
        self.delay(t1=10, t2=5)
        os.remove(os.path.join(self.tasks, "t2", "schedstat"))
        self.assertEqual(self.evidence.sample()["run_delay_ns"], 15)


class NotOffered(unittest.TestCase):
    def test_where_the_system_does_not_keep_it(self):
        def missing(path):
            raise FileNotFoundError(path)

        for name, text in (("no file", missing), ("not counted", lambda path: "0 0 0\n"), ("other", lambda path: "x\n")):
            with self.subTest(name), mock.patch.object(module, "_text", text):
                evidence = Evidence(0)
                self.assertFalse(evidence.offered)
                worker = Worker(["evidence"] if evidence.offered else [], LIMIT)
                frame = request(0, "ping", {"initialization": True}, evidence=True)
                reply = answer(worker, evidence, frame)
                self.assertIn(b'"success":true', reply)
                self.assertNotIn(b"evidence", reply)
