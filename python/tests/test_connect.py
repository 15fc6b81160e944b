import os
import socket
import subprocess
import tempfile

from .driver import PATIENCE_S, Case


class Connect(Case):
    def connected(self, **how):
        """A worker whose port is a socket, and the far end of that."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(PATIENCE_S)
            worker = self.worker("--connect", path, **how)
            far, _ = listener.accept()
        far.settimeout(None)
        self.addCleanup(far.close)
        file = far.makefile("rwb", buffering=0)
        self.addCleanup(file.close)
        for stream in (worker.stdin, worker.stdout):
            if stream is not None:
                self.addCleanup(stream.close)
        worker.stdin, worker.stdout = file, file
        return worker, far

    def test_serves_over_the_socket(self):
        worker, _ = self.connected()
        self.assertEqual(worker.hello()["result"]["status"], "ok")
        self.assertServes(worker)
        big = "x" * (1 << 20)
        self.assertEqual(worker.do("echo", text=big), {"text": big})

    def test_leaves_stdin_and_stdout_as_called_code_finds_them(self):
        worker, _ = self.connected()
        worker.call("called:noise", "one")
        self.assertEqual(worker.line(), "one print\n")
        worker.begin("call", function="called:listen")
        self.assertEqual(worker.receive()["result"], {"fd": "", "text": "", "child": ""})

    def test_ends_with_the_socket_in_the_midst_of_a_call_too(self):
        worker, far = self.connected()
        worker.hello()
        worker.begin("sleep", s=3600)
        far.shutdown(socket.SHUT_WR)
        self.assertEnds(worker)

    def test_may_have_no_stdin_to_speak_of(self):
        worker, _ = self.connected(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertServes(worker)

    def test_says_where_nobody_listens(self):
        worker = self.worker("--connect", "/no/such/socket")
        self.assertIn("cannot serve: connect to /no/such/socket: ", self.assertEnds(worker, 1))
