import subprocess
import sys
import unittest

from butfor_worker.flags import STATUS_MAX, USAGE, FlagError, parse
from butfor_worker.port import LIMIT, LIMIT_MAX, LIMIT_MIN

from .driver import MAIN, Case


class Parse(unittest.TestCase):
    def test_reads_flags_in_both_spellings(self):
        for words in (
            ["--boot-cpu", "0.5", "--boot-wait", "2", "--limit", "300000", "--path", "/a", "--path", "b"],
            ["--boot-cpu=0.5", "--boot-wait=2", "--limit=300000", "--path=/a", "--path=b"],
        ):
            flags = parse(words)
            self.assertEqual(
                (flags.boot_cpu_s, flags.boot_wait_s, flags.limit, flags.path, flags.help, flags.version),
                (0.5, 2.0, 300000, ["/a", "b"], False, False),
            )

    def test_has_defaults(self):
        flags = parse([])
        self.assertEqual((flags.boot_cpu_s, flags.boot_wait_s, flags.limit, flags.path), (0, 0, LIMIT, []))
        self.assertEqual((flags.mute, flags.exit_at_hello, flags.faults), (False, 0, False))

    def test_adds_up_what_boots_ask_for(self):
        flags = parse(["--boot-cpu", "1", "--boot-wait", "2", "--boot-cpu=0.5", "--boot-wait=0.25"])
        self.assertEqual((flags.boot_cpu_s, flags.boot_wait_s), (1.5, 2.25))

    def test_reads_what_is_to_be_hurt(self):
        for status in (1, STATUS_MAX):
            flags = parse(["--mute", "--exit-at-hello", str(status), "--faults"])
            self.assertEqual((flags.mute, flags.exit_at_hello, flags.faults), (True, status, True))

    def test_habits_add_up(self):
        self.assertEqual(parse(["--habit", "stays", "--habit=prints"]).habits, ["stays", "prints"])

    def test_names_the_flag_that_is_wrong(self):
        for words, say in (
            (["--boot-cpu"], "--boot-cpu needs a value"),
            (["--boot-cpu", "x"], "--boot-cpu must be a number of seconds from 0 to 1000000, not 'x'"),
            (["--boot-cpu", "-1"], "--boot-cpu must be .* not '-1'"),
            (["--boot-wait", "nan"], "--boot-wait must be .* not 'nan'"),
            (["--boot-wait=inf"], "--boot-wait must be .* not 'inf'"),
            (["--boot-wait="], "--boot-wait must be .* not ''"),
            (["--limit", "1.5"], "--limit must be .* not '1.5'"),
            (["--limit", str(LIMIT_MIN - 1)], "--limit must be a number of bytes from %d to %d" % (LIMIT_MIN, LIMIT_MAX)),
            (["--limit", str(LIMIT_MAX + 1)], "--limit must be"),
            (["--path", ""], "--path needs a folder"),
            (["--connect="], "--connect needs a path"),
            (["--exit-at-hello", "0"], "--exit-at-hello must be an exit status from 1 to 255, not '0'"),
            (["--exit-at-hello", "256"], "--exit-at-hello must be .* not '256'"),
            (["--exit-at-hello=x"], "--exit-at-hello must be .* not 'x'"),
            (["--mute=1"], "--mute takes no value"),
            (["--faults=1"], "--faults takes no value"),
            (["--boot-disk", "9:/a"], "--boot-disk must be RATE:FOLDER:MODULE, .* not '9:/a'"),
            (["--boot-disk", "0:/a:b"], "--boot-disk must be RATE"),
            (["--boot-disk", "x:/a:b"], "--boot-disk must be RATE"),
            (["--habit", "sings"], "--habit must be one of stays, .* not 'sings'"),
            (["--help=1"], "--help takes no value"),
            (["--nope"], "--nope: no such flag"),
            (["word"], "word: no such flag"),
            (["--boot"], "--boot: no such flag"),
        ):
            with self.subTest(words), self.assertRaisesRegex(FlagError, say):
                parse(words)

    def test_bounds_themselves_are_allowed(self):
        self.assertEqual(parse(["--limit", str(LIMIT_MIN)]).limit, LIMIT_MIN)
        self.assertEqual(parse(["--limit", str(LIMIT_MAX)]).limit, LIMIT_MAX)


class Run(Case):
    def run_with(self, *flags):
        run = subprocess.run(
            [sys.executable, "-S", "-E", MAIN, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        return run.returncode, run.stdout.decode(), run.stderr.decode()

    def test_help_teaches(self):
        for flag in ("--help", "-h"):
            self.assertEqual(self.run_with(flag), (0, USAGE, ""))
        for flag in ("--boot-cpu", "--boot-wait", "--limit", "--path", "--mute", "--exit-at-hello", "--faults", "--habit", "--version", "--help"):
            self.assertIn("  %s " % flag, USAGE)

    def test_version_names_worker_and_python(self):
        version = "butfor_worker 0.1.0 (Python %d.%d.%d)\n" % sys.version_info[:3]
        self.assertEqual(self.run_with("--version"), (0, version, ""))

    def test_wrong_usage_is_told_from_other_ends(self):
        code, stdout, stderr = self.run_with("--boot-cpu", "x")
        self.assertEqual((code, stdout), (2, ""))
        self.assertRegex(stderr, "^butfor_worker: --boot-cpu must be .*\n$")

    def test_boot_demands_are_met_before_the_hello(self):
        evidence = self.worker("--boot-cpu", "0.05").hello()["evidence"]
        self.assertGreaterEqual(evidence["on_cpu_ns"], 50e6)
        self.assertGreaterEqual(evidence["import_ms"], 50)
        evidence = self.worker("--boot-wait", "0.05").hello()["evidence"]
        self.assertGreaterEqual(evidence["import_ms"], 50)

    def test_paths_come_first_in_their_order(self):
        self.assertEqual(self.worker("--path", "/a/b").call("called:import_path")[1:2], ["/a/b"])
