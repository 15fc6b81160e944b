import os
import resource
import sys

from .driver import Case


class Hello(Case):
    def test_says_who_is_there_and_what_it_can_do(self):
        worker = self.worker("--limit", "300000")
        reply = worker.hello()
        self.assertEqual((reply["id"], reply["success"]), (0, True))
        result = reply["result"]
        self.assertIsInstance(result.pop("timestamp"), float)
        self.assertEqual(
            result,
            {
                "status": "ok",
                "worker_id": "w1",
                "pid": worker.process.pid,
                "capabilities": ["evidence"],
                "limit": 300000,
                "python": "%d.%d.%d" % sys.version_info[:3],
                "version": "0.1.0",
            },
        )

    def test_may_do_without_a_worker_id(self):
        self.assertIsNone(self.worker().do("ping", initialization=True)["worker_id"])

    def test_refuses_a_worker_id_that_is_no_string(self):
        self.assertEqual(
            self.worker().fail("ping", initialization=True, worker_id=7),
            "ArgumentError: args.worker_id must be a string that is not empty, not 7",
        )

    def test_a_later_ping_is_brief(self):
        worker = self.worker()
        worker.hello()
        result = worker.do("ping", worker_id="another")
        self.assertIsInstance(result.pop("timestamp"), float)
        self.assertEqual(result, {"status": "ok", "worker_id": "w1"})


class Commands(Case):
    def setUp(self):
        self.w = self.worker()

    def assertArgument(self, error, name, say=""):
        self.assertRegex(error, "^ArgumentError: args.%s.*%s" % (name, say))

    def test_echo_gives_the_args_as_they_came(self):
        args = {"session_id": "s", "call_id": 3, "a": [1, {"b": None}], "evidence": True, "": 0.5}
        self.assertEqual(self.w.ask("echo", args)["result"], args)

    def test_unknown_args_are_ignored(self):
        self.assertEqual(self.w.do("alloc", mb=0, call_id="c1", more=[]), {"held_bytes": 0})

    def test_sleep_and_burn_take_as_long_as_said(self):
        self.assertGreaterEqual(self.w.do("sleep", s=0.02)["slept_s"], 0.02)
        self.assertGreaterEqual(self.w.do("burn", cpu_s=0.02)["burnt_s"], 0.02)
        self.assertIn("slept_s", self.w.do("sleep", s=0))
        self.assertIn("burnt_s", self.w.do("burn", cpu_s=0))

    def test_numbers_are_checked_by_name(self):
        for command, name in (("sleep", "s"), ("burn", "cpu_s"), ("alloc", "mb")):
            self.assertArgument(self.w.fail(command), name, "is missing; it must be a number from 0")
            for value in ("x", -1, -0.001, None, True, [1], {}, 10**9, 10**400):
                with self.subTest((command, value)):
                    self.assertArgument(self.w.fail(command, **{name: value}), name, "must be a number from 0 to 10.*, not ")

    def test_alloc_holds_touched_memory_until_told_otherwise(self):
        def resident_mb():
            with open("/proc/%d/statm" % self.w.process.pid) as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)

        before = resident_mb()
        self.assertEqual(self.w.do("alloc", mb=64), {"held_bytes": 64 << 20})
        self.assertGreater(resident_mb(), before + 60)
        self.assertEqual(self.w.do("get_stats")["held_bytes"], 64 << 20)
        self.w.do("alloc", mb=32.5)
        self.assertLess(resident_mb(), before + 60)
        self.w.do("alloc", mb=0)
        self.assertLess(resident_mb(), before + 20)
        self.w.do("alloc", mb=64)
        self.w.do("reset_state")
        self.assertLess(resident_mb(), before + 20)

    def test_alloc_never_holds_old_and_new_at_once(self):
        most = 400 << 20
        worker = self.worker(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)))
        for _ in range(2):
            self.assertEqual(worker.do("alloc", mb=180), {"held_bytes": 180 << 20})
        self.assertEqual(worker.fail("alloc", mb=400), "MemoryError")
        self.assertEqual(worker.do("get_stats")["held_bytes"], 0)

    def test_import_says_how_long_it_took(self):
        result = self.w.do("import", module="http.client")
        self.assertGreater(result.pop("ms"), 0)
        self.assertEqual(result, {"module": "http.client", "new": True})
        self.assertFalse(self.w.do("import", module="http.client")["new"])
        for value in (None, 3, ""):
            self.assertArgument(self.w.fail("import", module=value), "module")

    def test_call_takes_keywords_or_positions(self):
        self.assertEqual(self.w.do("call", function="called:add", args={"a": 1}), 11)
        self.assertEqual(self.w.do("call", function="called:add", args=[1, 2]), 3)
        self.assertEqual(self.w.do("call", function="called:Deep.Inside.name"), "deep")
        self.assertArgument(self.w.fail("call", function="called:add", args="x"), "args", 'not "x"')
        self.assertArgument(self.w.fail("call", function="called:add", args=None), "args", "not null")

    def test_callables_are_checked_by_name(self):
        for command, name in (("call", "function"), ("create_program", "callable")):
            for value, say in (
                (None, "must be a string"),
                ("called", 'must be a callable named "module:name"'),
                ("called:", "must be a callable named"),
                (":add", "must be a callable named"),
                ("called:not_callable", "must be a callable named"),
                ("called:nothing", "called has no nothing"),
                ("called:Deep.nothing", "called has no Deep.nothing"),
            ):
                with self.subTest((command, value)):
                    self.assertArgument(self.w.fail(command, id="p", **{name: value}), name, say)

    def test_values_are_put_got_and_listed(self):
        self.assertEqual(self.w.do("list"), {"keys": []})
        self.assertEqual(self.w.do("get", key="a"), {"key": "a", "found": False, "value": None})
        self.assertEqual(self.w.do("put", key="a", value=[1]), {"key": "a"})
        self.w.do("put", key="b", value=None)
        self.assertEqual(self.w.do("get", key="a"), {"key": "a", "found": True, "value": [1]})
        self.assertEqual(self.w.do("get", key="b"), {"key": "b", "found": True, "value": None})
        self.assertEqual(self.w.do("list"), {"keys": ["a", "b"]})
        self.assertArgument(self.w.fail("put", key="c"), "value", "is missing")
        self.assertArgument(self.w.fail("put", value=1), "key", "is missing")
        self.assertArgument(self.w.fail("get", key=1), "key", "not 1")

    def test_programs_live_from_creation_to_deletion(self):
        create = {"id": "p", "callable": "called:add", "signature": {"name": "Add"}, "inputs": ["a"], "outputs": ["sum"]}
        self.assertEqual(
            self.w.do("create_program", **create), {"program_id": "p", "status": "created", "signature": {"name": "Add"}}
        )
        self.assertEqual(self.w.do("execute_program", program_id="p", inputs={"a": 1, "b": 2}), {"program_id": "p", "outputs": 3})
        info = self.w.do("get_program_info", program_id="p")
        self.assertGreaterEqual(info.pop("last_executed"), info.pop("created_at"))
        del create["id"]
        self.assertEqual(info, dict(create, program_id="p", execution_count=1))
        listed = self.w.do("list_programs")
        self.assertEqual((listed["total_count"], [p["id"] for p in listed["programs"]]), (1, ["p"]))
        self.assertEqual(listed["programs"][0]["execution_count"], 1)
        self.assertEqual(self.w.do("delete_program", program_id="p"), {"program_id": "p", "status": "deleted"})
        self.assertEqual(self.w.do("list_programs"), {"programs": [], "total_count": 0})

    def test_programs_may_be_named_by_id_or_program_id(self):
        self.w.do("create_program", program_id="p", callable="called:add")
        self.assertEqual(self.w.do("execute_program", id="p", inputs={"a": 1})["outputs"], 11)

    def test_a_program_that_fails_is_an_error_and_not_counted(self):
        self.w.do("create_program", id="p", callable="called:fail")
        reply = self.w.ask("execute_program", {"program_id": "p", "inputs": {"message": "so there"}})
        self.assertEqual(reply["error"], "ValueError: so there")
        self.assertIn("in fail", reply["traceback"])
        info = self.w.do("get_program_info", program_id="p")
        self.assertEqual((info["execution_count"], info["last_executed"]), (0, None))

    def test_program_arguments_are_checked_by_name(self):
        self.w.do("create_program", id="p", callable="called:add")
        self.assertArgument(self.w.fail("create_program", id="p", callable="called:add"), "id", 'program "p" exists already')
        self.assertArgument(self.w.fail("create_program", callable="called:add"), "program_id", "is missing")
        self.assertArgument(self.w.fail("create_program", id=1, callable="called:add"), "id", "not 1")
        self.assertArgument(self.w.fail("create_program", id="q"), "callable", "is missing")
        self.assertArgument(self.w.fail("execute_program", program_id="p", inputs=[1]), "inputs", "object")
        for command in ("execute_program", "get_program_info", "delete_program"):
            self.assertArgument(self.w.fail(command), "program_id", "is missing")
            self.assertArgument(self.w.fail(command, program_id="q"), "program_id", 'no program "q"')

    def test_stats_count_what_was_done(self):
        self.w.hello()
        self.w.do("put", key="a", value=1)
        self.w.do("put", key="a", value=1, session_id="s")
        self.w.do("put", key="b", value=1, session_id="s")
        self.w.do("create_program", id="p", callable="called:add", session_id="s")
        self.w.fail("nope")
        stats = self.w.do("get_stats", session_id="s")
        self.assertGreater(stats.pop("uptime"), 0)
        self.assertEqual(
            stats,
            {
                "worker_id": "w1",
                "pid": self.w.process.pid,
                "command_count": 6,
                "error_count": 1,
                "sessions_count": 2,
                "programs_count": 1,
                "values_count": 2,
                "held_bytes": 0,
            },
        )

    def test_reset_forgets_all_but_the_worker_id(self):
        self.w.hello()
        self.w.do("put", key="a", value=1)
        self.w.do("create_program", id="p", callable="called:add", session_id="s")
        self.w.fail("nope")
        self.assertEqual(self.w.do("reset_state"), {"status": "reset", "sessions_cleared": 2, "programs_cleared": 1})
        stats = self.w.do("get_stats")
        self.assertEqual((stats["worker_id"], stats["sessions_count"], stats["error_count"]), ("w1", 0, 0))
        self.assertFalse(self.w.do("get", key="a")["found"])

    def test_shutdown_is_answered(self):
        self.w.hello()
        self.assertEqual(self.w.do("shutdown"), {"status": "shutting_down", "worker_id": "w1"})
        self.assertEnds(self.w)


class Sessions(Case):
    NAMES = ({}, {"session_id": "s"}, {"session_id": "t"})

    def setUp(self):
        self.w = self.worker()
        for session in self.NAMES:
            self.w.do("put", key="mine", value=session, **session)
            self.w.do("create_program", id="mine", callable="called:add", inputs=[session], **session)

    def test_see_nothing_of_each_other(self):
        for session in self.NAMES:
            for other in self.NAMES:
                key = "of " + str(other)
                if other is session:
                    self.w.do("put", key=key, value=1, **session)
                    self.w.do("create_program", id=key, callable="called:add", **session)
        for session in self.NAMES:
            own = ["mine", "of " + str(session)]
            self.assertEqual(self.w.do("list", **session)["keys"], own)
            self.assertEqual([p["id"] for p in self.w.do("list_programs", **session)["programs"]], own)
            self.assertEqual(self.w.do("get", key="mine", **session)["value"], session)
            self.assertEqual(self.w.do("get_program_info", program_id="mine", **session)["inputs"], [session])
            stats = self.w.do("get_stats", **session)
            self.assertEqual((stats["programs_count"], stats["values_count"]), (2, 2))
        self.assertRegex(self.w.fail("delete_program", program_id="of {}", session_id="s"), "no program")

    def test_none_empty_and_missing_are_the_anonymous_one(self):
        for session in ({"session_id": None}, {"session_id": ""}):
            self.assertEqual(self.w.do("get", key="mine", **session)["value"], {})

    def test_end_without_a_trace(self):
        self.assertEqual(
            self.w.do("cleanup_session", session_id="s"),
            {"status": "cleaned", "session_id": "s", "programs_removed": 1, "values_removed": 1},
        )
        self.assertEqual(self.w.do("list", session_id="s"), {"keys": []})
        self.assertEqual(self.w.do("list_programs", session_id="s")["total_count"], 0)
        self.assertTrue(self.w.do("get", key="mine", session_id="t")["found"])
        self.assertTrue(self.w.do("get", key="mine")["found"])
        self.assertEqual(self.w.do("get_stats")["sessions_count"], 2)
        self.assertEqual(self.w.do("cleanup_session", session_id="s")["programs_removed"], 0)

    def test_are_not_made_by_looking(self):
        for n in range(10):
            session = {"session_id": "new %d" % n}
            self.w.do("get", key="a", **session)
            self.w.do("list", **session)
            self.w.do("list_programs", **session)
            self.w.fail("delete_program", program_id="a", **session)
            self.w.fail("create_program", id="a", callable="called:nothing", **session)
        self.assertEqual(self.w.do("get_stats")["sessions_count"], 3)

    def test_names_are_checked(self):
        for command in ("list", "put", "list_programs", "get_stats"):
            self.assertRegex(
                self.w.fail(command, session_id=3, key="a", value=1), "^ArgumentError: args.session_id must be a string, not 3"
            )
        for args in ({}, {"session_id": ""}, {"session_id": 3}):
            self.assertRegex(self.w.fail("cleanup_session", **args), "^ArgumentError: args.session_id ")
