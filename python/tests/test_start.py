import ast
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import unittest

from .driver import HERE, MAIN, PACKAGE, PARENT, Case

LATE = {"json", "re", "threading", "struct", "traceback", "datetime", "argparse", "os", "subprocess", "socket", "logging", "runpy"}


class Starts(Case):
    def bare_path(self, flags):
        flags = [flag for flag in flags if flag != "-m"]
        path = subprocess.check_output([sys.executable, *flags, "-c", "import sys; print(*sys.path, sep=':')"], text=True)
        return [entry for entry in path.strip().split(":") if entry]

    def test_by_file_by_folder_and_by_name(self):
        for how in (
            (MAIN,),
            ("-S", "-E", "-I", "-s", MAIN),
            ("-S", "-E", "-I", "-s", PACKAGE),
            (PACKAGE,),
            (PACKAGE + "/",),
            (PACKAGE + "/.",),
            ("-m", "butfor_worker"),
        ):
            with self.subTest(how):
                worker = self.worker(start=how, cwd=PARENT)
                self.assertEqual(worker.hello()["result"]["status"], "ok")
                flags = worker.call("called:flags")
                self.assertEqual(bool(flags["isolated"]), "-I" in how)
                # Nothing of the worker's own, where codec.py would shadow
                # others, and nothing missing that Python itself has there.
                path = [HERE] + ([PARENT] if "-m" in how else []) + self.bare_path(how[:-1])
                self.assertEqual(worker.call("called:import_path"), path)

    def test_an_older_python_is_told_so(self):
        old = "import runpy, sys; sys.version_info = (3, 8, 19); runpy.run_path(%r, run_name='__main__')" % MAIN
        done = subprocess.run([sys.executable, "-c", old], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs Python 3.9 or newer", done.stderr)
        self.assertIn("is 3.8", done.stderr)

    def test_without_site_finds_installed_modules_when_first_asked(self):
        with tempfile.TemporaryDirectory() as base:
            folder = subprocess.check_output(
                [sys.executable, "-c", "import site; print(site.getusersitepackages())"], env=dict(os.environ, PYTHONUSERBASE=base), text=True
            ).strip()
            os.makedirs(folder)
            with open(folder + "/only_installed.py", "w") as f:
                f.write("def answer(): return 42\n")
            for flags, found in ((("-S",), True), (("-S", "-s"), False)):
                with self.subTest(flags):
                    worker = self.worker(start=(*flags, MAIN), env=dict(os.environ, PYTHONUSERBASE=base))
                    self.assertNotIn("site", worker.call("called:loaded"))
                    if found:
                        self.assertEqual(worker.call("only_installed:answer"), 42)
                        self.assertTrue(worker.do("import", module="only_installed")["new"] is False)
                    else:
                        self.assertIn("only_installed", worker.fail("call", function="only_installed:answer"))

    def test_by_relative_paths(self):
        for cwd, path in ((PARENT, "butfor_worker"), (PARENT, "butfor_worker/__main__.py"), (PACKAGE, "."), (PACKAGE, "__main__.py")):
            for isolated in ((), ("-I",)):
                with self.subTest((cwd, path, isolated)):
                    worker = self.worker(start=(*isolated, path), cwd=cwd)
                    self.assertEqual(worker.hello()["result"]["status"], "ok")

    def test_by_a_symlink_to_the_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(PARENT, folder + "/link")
            for path in ("/link/butfor_worker", "/link/butfor_worker/__main__.py"):
                self.assertEqual(self.worker(start=(folder + path,)).hello()["result"]["status"], "ok")

    def test_keep_their_bytecode_where_they_may(self):
        with tempfile.TemporaryDirectory() as folder:
            package = shutil.copytree(PACKAGE, folder + "/butfor_worker", ignore=shutil.ignore_patterns("__pycache__"))
            start = ("-S", "-E", package + "/__main__.py")
            self.assertEqual(self.worker(start=("-B",) + start).hello()["result"]["status"], "ok")
            self.assertFalse(os.path.exists(package + "/__pycache__"))
            self.assertEqual(self.worker(start=start).hello()["result"]["status"], "ok")
            cached = {name.partition(".")[0] for name in os.listdir(package + "/__pycache__")}
            modules = {name.partition(".")[0] for name in os.listdir(package) if name.endswith(".py")}
            self.assertEqual(cached, modules - {"__main__", "fault", "habit"})  # these are for a harness's workers alone

    def test_import_nothing_that_takes_long(self):
        with tempfile.TemporaryDirectory(prefix=".cache") as folder:
            main = shutil.copytree(PACKAGE, folder + "/butfor_worker") + "/__main__.py"
            worker = self.worker(start=("-S", "-E", "-I", main))
            worker.hello()
            worker.ask("echo", evidence=True)
            self.assertEqual(set(worker.call("called:loaded")) & LATE, set())

    def test_do_without_the_accelerator(self):
        code = "import runpy, sys; sys.modules['_json'] = None; runpy.run_path(%r, run_name='__main__')" % MAIN
        worker = self.worker(start=("-c", code))
        worker.hello()
        self.assertIn("json", worker.call("called:loaded"))
        self.assertEqual(worker.do("echo", a=[1.5, "\u00e9\ud800"]), {"a": [1.5, "\u00e9\ud800"]})
        self.assertRegex(worker.fail("call", function="called:give", args=["a set"]), "^ResultError: .*type set is no JSON")

    def test_are_not_repeated_in_children_of_multiprocessing(self):
        path = list(sys.path)
        runpy.run_path(MAIN, run_name="__mp_main__")
        self.assertEqual(sys.path, path)


class Source(unittest.TestCase):
    def test_is_python_3_9(self):
        for name in os.listdir(PACKAGE):
            if name.endswith(".py"):
                with open(os.path.join(PACKAGE, name)) as file:
                    ast.parse(file.read(), name, feature_version=(3, 9))
