"""Starts a worker and talks to it the way a pool does."""

import json
import os
import select
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PARENT = os.path.dirname(HERE)
PACKAGE = os.path.join(PARENT, "butfor_worker")
MAIN = os.path.join(PACKAGE, "__main__.py")

PATIENCE_S = 60  # only a hang takes that long


def framed(payload):
    return len(payload).to_bytes(4, "big") + payload


def request(number, command, args=None, **more):
    return json.dumps(dict(more, id=number, command=command, args=args or {})).encode()


class Driver:
    """A worker process. Use it in a with statement."""

    def __init__(self, *flags, start=("-S", "-E", MAIN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how):
        argv = [sys.executable, *start, "--path", HERE, *flags]
        self.process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, bufsize=0, **how)
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def write(self, data):
        while data:
            data = data[self.stdin.write(data) :]

    def receive(self):
        return json.loads(self.receive_bytes())

    def receive_bytes(self):
        size = int.from_bytes(read(self.stdout, 4), "big")
        return read(self.stdout, size)

    def ask(self, command, args=None, **more):
        """The reply to a request."""
        self.number += 1
        self.write(framed(request(self.number, command, args, **more)))
        reply = self.receive()
        if reply["id"] != self.number:
            raise AssertionError("asked %d, got %r" % (self.number, reply))
        return reply

    def do(self, command, **args):
        """The result of a command that must succeed."""
        reply = self.ask(command, args)
        if reply["success"] is not True:
            raise AssertionError("%s: %r" % (command, reply))
        return reply["result"]

    def fail(self, command, **args):
        """The error of a command that must fail."""
        reply = self.ask(command, args)
        if reply["success"] is not False:
            raise AssertionError("%s: %r" % (command, reply))
        return reply["error"]

    def call(self, function, *args):
        return self.do("call", function=function, args=list(args))

    def begin(self, command, **args):
        """Sends a request and does not wait for the reply."""
        self.write(framed(request(99, command, args)))

    def hello(self):
        self.write(framed(request(0, "ping", {"initialization": True, "worker_id": "w1"})))
        return self.receive()

    def line(self):
        """The next line on stderr."""
        line = b""
        while not line.endswith(b"\n"):
            line += read(self.stderr, 1)
        return line.decode()

    def ended(self):
        """Waits for the end of the process; gives its exit status and the rest
        of stderr."""
        code = self.process.wait(PATIENCE_S)
        return code, self.stderr.read().decode()


def read(stream, size):
    data = b""
    deadline = time.monotonic() + PATIENCE_S
    while len(data) < size:
        if not select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError("nothing came within %d s after %r" % (PATIENCE_S, data[:200]))
        chunk = stream.read(size - len(data))
        if not chunk:
            raise EOFError("end after %r" % data[:200])
        data += chunk
    return data


class Case(unittest.TestCase):
    def worker(self, *flags, **how):
        driver = Driver(*flags, **how)
        self.addCleanup(driver.__exit__)
        return driver

    def assertEnds(self, worker, code=0):
        """The worker ends by itself with this status; gives its stderr."""
        status, stderr = worker.ended()
        self.assertEqual(status, code, stderr)
        return stderr

    def assertServes(self, worker):
        self.assertEqual(worker.do("echo", still="here"), {"still": "here"})
