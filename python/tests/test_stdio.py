import subprocess
import sys
import tempfile

from .driver import HERE, MAIN, Case, framed, request


class Stdout(Case):
    def test_of_called_code_is_stderr_in_order(self):
        worker = self.worker()
        for text in ("one", "two"):
            worker.call("called:noise", text)
        worker.do("shutdown")
        kinds = ("print", "buffer", "write", "stderr", "child", "\\ud800")
        self.assertEqual(self.assertEnds(worker), "".join("%s %s\n" % (t, k) for t in ("one", "two") for k in kinds))

    def test_may_be_a_file_although_stderr_is_a_pipe(self):
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as replies:
            file.write(framed(request(1, "call", {"function": "called:noise", "args": ["x"]})))
            file.seek(0)
            worker = self.worker(stdin=file, stdout=replies)
            self.assertIn("x print\n", self.assertEnds(worker))


class Stdin(Case):
    def test_of_called_code_is_empty(self):
        worker = self.worker()
        worker.begin("call", function="called:listen")
        worker.write(framed(request(2, "echo")))
        self.assertEqual(worker.receive()["result"], {"fd": "", "text": "", "child": ""})
        self.assertEqual(worker.receive()["id"], 2)


class Closed(Case):
    def test_stdin_or_stdout_is_no_port(self):
        for redirect, name in (("<&-", "stdin"), (">&-", "stdout")):
            run = subprocess.run(
                ["/bin/sh", "-c", 'exec "$@" ' + redirect, "sh", sys.executable, "-S", "-E", MAIN],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self.assertEqual(run.returncode, 1)
            self.assertEqual(run.stderr.decode(), "butfor_worker: cannot serve: %s is closed, but it is the port\n" % name)

    def test_stderr_swallows_what_is_printed(self):
        with tempfile.TemporaryFile() as file:
            file.write(framed(request(1, "call", {"function": "called:add", "args": [1]})))
            file.write(framed(request(2, "call", {"function": "builtins:print", "args": ["x"]})))
            file.write(framed(request(3, "call", {"function": "os.path:samefile", "args": ["/dev/fd/2", "/dev/null"]})))
            file.seek(0)
            run = subprocess.run(
                ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-S", "-E", MAIN, "--path", HERE],
                stdin=file,
                stdout=subprocess.PIPE,
            )
            self.assertEqual(run.returncode, 0)
            self.assertEqual(run.stdout.count(b'"success":true'), 3, run.stdout)
            self.assertIn(b'"id":3,"success":true,"result":true', run.stdout)
            self.assertNotIn(b"x\n", run.stdout)
