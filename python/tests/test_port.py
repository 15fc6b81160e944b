import os
import socket
import tracemalloc
import unittest
from unittest import mock

from butfor_worker import port as module
from butfor_worker.port import LIMIT_MAX, LIMIT_MIN, FrameTooLong, Port

from .driver import Case, framed, request


class PortCase(unittest.TestCase):
    def setUp(self):
        self.in_, self.write_to = os.pipe()
        self.read_from, self.out = os.pipe()
        for fd in (self.in_, self.out):
            os.set_inheritable(fd, True)
            os.set_blocking(fd, False)
        self.port = Port(self.in_, self.out, LIMIT_MIN)
        self.addCleanup(self.port.close)
        self.addCleanup(os.close, self.read_from)

    def feed(self, data):
        os.write(self.write_to, data)
        os.close(self.write_to)

    def test_receives_frames_in_order_then_the_end(self):
        self.feed(framed(b"one") + framed(b"") + framed(b"three"))
        self.assertEqual([self.port.receive() for _ in range(5)], [b"one", b"", b"three", None, None])

    def test_the_end_in_the_midst_of_a_frame_is_the_end(self):
        for part in (1, 4, 6):
            with self.subTest(part):
                self.setUp()
                self.feed(framed(b"cut short")[:part])
                self.assertIsNone(self.port.receive())

    def test_the_limit_itself_is_within_the_limit(self):
        frame = b"x" * LIMIT_MIN
        with mock.patch.object(module.posix, "read", side_effect=[framed(frame)[:10], framed(frame)[10:]]):
            self.assertEqual(self.port.receive(), frame)
        self.feed((LIMIT_MIN + 1).to_bytes(4, "big"))
        with self.assertRaisesRegex(FrameTooLong, "%d.*%d" % (LIMIT_MIN + 1, LIMIT_MIN)):
            self.port.receive()

    def test_memory_grows_with_what_arrives(self):
        self.port.limit = LIMIT_MAX
        self.feed(LIMIT_MAX.to_bytes(4, "big") + b"x")
        tracemalloc.start()
        try:
            self.assertIsNone(self.port.receive())
            self.assertLess(tracemalloc.get_traced_memory()[1], 10 << 20)
        finally:
            tracemalloc.stop()

    def test_sends_the_whole_frame_in_however_many_writes(self):
        write = os.write
        with mock.patch.object(module.posix, "write", side_effect=lambda fd, data: write(fd, bytes(data[:3]))):
            self.port.send(b"a longer frame")
        self.assertEqual(os.read(self.read_from, 100), framed(b"a longer frame"))

    def test_fds_block_and_are_not_inherited(self):
        for fd in (self.in_, self.out):
            self.assertFalse(os.get_inheritable(fd))
            self.assertTrue(os.get_blocking(fd))

    def test_closes_both_fds_once(self):
        self.port.close()
        again = os.open(os.devnull, os.O_RDONLY)  # takes the lower number of the two
        self.addCleanup(os.close, again)
        self.port.close()
        os.fstat(again)
        with self.assertRaises(OSError):
            os.fstat(max(self.in_, self.out))
        with self.assertRaises(OSError):
            self.port.receive()
        with self.assertRaises(OSError):
            self.port.send(b"x")

    def test_one_socket_serves_both_ways(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        fd = ours.detach()
        port = Port(fd, fd)
        theirs.sendall(framed(b"in"))
        self.assertEqual(port.receive(), b"in")
        port.send(b"out")
        self.assertEqual(theirs.recv(100), framed(b"out"))
        port.close()
        self.assertEqual(theirs.recv(1), b"")


class FramesOfAWorker(Case):
    def test_several_in_one_write(self):
        worker = self.worker()
        worker.write(b"".join(framed(request(n, "echo", {"n": n})) for n in range(1, 51)))
        for n in range(1, 51):
            reply = worker.receive()
            self.assertEqual((reply["id"], reply["result"]), (n, {"n": n}))

    def test_byte_by_byte(self):
        worker = self.worker()
        for byte in framed(request(5, "echo", {"a": "\u00e9"})) + framed(request(6, "echo")):
            worker.write(bytes([byte]))
        self.assertEqual(worker.receive()["result"], {"a": "\u00e9"})
        self.assertEqual(worker.receive()["id"], 6)

    def test_of_a_mebibyte_and_more(self):
        worker = self.worker()
        for size in (1 << 20, 5_000_001):
            self.assertEqual(worker.do("echo", text="x" * size), {"text": "x" * size})

    def test_right_behind_a_long_one(self):
        worker = self.worker()
        worker.write(framed(request(1, "echo", {"text": "x" * 200000})) + framed(request(2, "echo")))
        self.assertEqual([worker.receive()["id"], worker.receive()["id"]], [1, 2])

    def test_announced_over_the_limit_end_it(self):
        for flags, limit in (((), 64 << 20), (("--limit", str(LIMIT_MIN)), LIMIT_MIN)):
            worker = self.worker(*flags)
            worker.write((limit + 1).to_bytes(4, "big"))
            stderr = self.assertEnds(worker, 3)
            self.assertIn("announces %d bytes, the limit is %d" % (limit + 1, limit), stderr)

    def test_of_results_over_the_limit_become_errors(self):
        worker = self.worker("--limit", str(LIMIT_MIN))
        self.assertEqual(len(worker.call("called:give_long", LIMIT_MIN - 200)), LIMIT_MIN - 200)
        error = worker.fail("call", function="called:give_long", args=[LIMIT_MIN])
        self.assertRegex(error, r"^ResultError: .* \d+ bytes, the limit is %d$" % LIMIT_MIN)
        self.assertEqual(worker.do("get_stats")["error_count"], 1)

    def test_of_the_longest_error_fit_the_least_limit(self):
        worker = self.worker("--limit", str(LIMIT_MIN))
        reply = worker.ask("call", {"function": "called:fail", "args": ["\U0001f600" * 10000]})
        self.assertEqual(reply["error_type"], "ValueError")
        self.assertIn("traceback", reply)
