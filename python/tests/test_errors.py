import json

from .driver import Case, framed

LIVES = b'{"id":7,"command":"echo"}'


class BadRequests(Case):
    """Each is answered, and the worker lives on."""

    def assertAnswers(self, rows, id_):
        worker = self.worker()
        for payload, say in rows:
            with self.subTest(payload[:60]):
                worker.write(framed(payload if isinstance(payload, bytes) else payload.encode()))
                reply = worker.receive()
                self.assertEqual((reply["id"], reply["success"]), (id_, False), reply)
                self.assertEqual(reply["error"].partition(":")[0], reply["error_type"])
                self.assertRegex(reply["error"], say)
                self.assertNotIn("traceback", reply)
                self.assertIsInstance(reply["timestamp"], float)
                worker.write(framed(LIVES))
                self.assertEqual(worker.receive()["id"], 7)

    def test_without_a_usable_id_are_answered_as_id_0(self):
        self.assertAnswers(
            [
                (b"", "^RequestError: .*no JSON"),
                ("{", "^RequestError: .*no JSON"),
                ("nonsense", "^RequestError: .*no JSON"),
                ('{"id":1,"command":"echo"} x', "^RequestError: .*extra data"),
                ('{"id":1,"command":"echo","args":{"x":NaN}}', "^RequestError: .*NaN is no JSON"),
                ('{"id":1,"command":"echo","args":{"x":-Infinity}}', "^RequestError: .*-Infinity is no JSON"),
                (b'{"id":1,"command":"\xff"}', "^RequestError: .*UTF-8.*0xff in position 19"),
                ('{"id":1,"command":"echo","args":%s' % ("[" * 200000), "^RequestError: .*recursion"),
                ("[1,2]", r"^RequestError: .*object, not \[1,2\]"),
                ("3", "^RequestError: .*object, not 3"),
                ("null", "^RequestError: .*object, not null"),
                ('{"command":"echo"}', "^RequestError: .*no id"),
                ('{"id":null,"command":"echo"}', "^RequestError: id must be .*not null"),
                ('{"id":true,"command":"echo"}', "^RequestError: id must be .*not true"),
                ('{"id":"1","command":"echo"}', '^RequestError: id must be .*not "1"'),
                ('{"id":1.0,"command":"echo"}', "^RequestError: id must be .*not 1.0"),
                ('{"id":-1,"command":"echo"}', "^RequestError: id must be .*not -1"),
                ('{"id":9223372036854775808,"command":"echo"}', "^RequestError: id must be .*not 9223372036854775808"),
                ('{"id":%s,"command":"echo"}' % json.dumps("x" * 1000), r"^RequestError: id must be .*x\.\.\."),
            ],
            0,
        )

    def test_with_an_id_are_answered_under_it(self):
        self.assertAnswers(
            [
                ('{"id":4}', "^RequestError: .*no command"),
                ('{"id":4,"command":5}', "^RequestError: command must be .*not 5"),
                ('{"id":4,"command":null}', "^RequestError: command must be .*not null"),
                ('{"id":4,"command":"nope"}', '^UnknownCommand: "nope"; there are alloc, .*, sleep'),
                ('{"id":4,"command":""}', '^UnknownCommand: ""'),
                ('{"id":4,"command":"__class__"}', "^UnknownCommand: "),
                ('{"id":4,"command":"echo","args":[1]}', r"^RequestError: args must be .*not \[1\]"),
                ('{"id":4,"command":"echo","args":null}', "^RequestError: args must be .*not null"),
                ('{"id":4,"command":"echo","args":"x"}', '^RequestError: args must be .*not "x"'),
            ],
            4,
        )

    def test_unknown_fields_and_a_missing_args_are_none(self):
        worker = self.worker()
        worker.write(framed(b'{"id":9223372036854775807,"command":"echo","timestamp":"2025-07-14T00:00:00Z","cancel":1}'))
        reply = worker.receive()
        self.assertEqual((reply["id"], reply["success"], reply["result"]), (9223372036854775807, True, {}))

    def test_a_huge_int_is_no_crash(self):
        worker = self.worker()
        worker.write(framed(b'{"id":1,"command":"echo","args":{"n":%s}}' % (b"9" * 5000)))
        self.assertIn(worker.receive()["id"], (0, 1))  # by the digits that this Python takes
        self.assertServes(worker)

    def test_the_last_of_equal_keys_counts(self):
        worker = self.worker()
        worker.write(framed(b'{"id":1,"id":2,"command":"nope","command":"echo","args":{"a":1,"a":2}}'))
        reply = worker.receive()
        self.assertEqual((reply["id"], reply["result"]), (2, {"a": 2}))


class RaisedByCalledCode(Case):
    def raised(self, function, *args):
        worker = self.worker()
        reply = worker.ask("call", {"function": "called:" + function, "args": list(args)})
        self.assertFalse(reply["success"], reply)
        self.assertServes(worker)
        return reply

    def test_says_type_message_and_traceback(self):
        reply = self.raised("fail", "so there")
        self.assertEqual(reply["error"], "ValueError: so there")
        self.assertEqual(reply["error_type"], "ValueError")
        self.assertRegex(reply["traceback"], r"(?s)^Traceback .*called.py.* in fail\n.*ValueError: so there\n$")
        self.assertNotIn("butfor_worker", reply["traceback"])

    def test_without_a_message_says_the_type(self):
        self.assertEqual(self.raised("fail_nameless")["error"], "KeyError")

    def test_exits_and_interrupts_are_errors(self):
        for how, error in (("exit", "SystemExit: 7"), ("interrupt", "KeyboardInterrupt"), ("other", "GeneratorExit")):
            self.assertEqual(self.raised("leave", how)["error"], error)

    def test_endless_recursion_is_an_error(self):
        reply = self.raised("recurse")
        self.assertEqual(reply["error_type"], "RecursionError")
        self.assertIn("repeated", reply["traceback"])

    def test_a_message_that_cannot_be_had_is_an_error(self):
        self.assertRegex(self.raised("fail_unspeakably")["error"], "^Unspeakable: .*RuntimeError")
        self.assertRegex(self.raised("fail_finally")["error"], "^Final: .*SystemExit")

    def test_long_messages_and_tracebacks_are_cut_in_the_middle(self):
        reply = self.raised("fail", "a" * 5000 + "b" * 5000)
        self.assertRegex(reply["error"], r"(?s)^ValueError: a+\n\[\.\.\. 5916 characters left out \.\.\.\]\nb+$")
        reply = self.raised("fail_in_turns", 300)
        self.assertLess(len(reply["traceback"]), 8400)
        self.assertRegex(reply["traceback"], r"(?s)^Traceback .*characters left out.*ValueError: at the bottom\n$")

    def test_a_wrong_call_has_no_traceback(self):
        reply = self.worker().ask("call", {"function": "called:add", "args": {"c": 1}})
        self.assertRegex(reply["error"], "^TypeError: .*'c'")
        self.assertNotIn("traceback", reply)

    def test_a_module_that_cannot_be_imported_is_named(self):
        self.assertEqual(self.worker().fail("import", module="no_such.module"), "ModuleNotFoundError: No module named 'no_such'")

    def test_too_much_memory_is_an_error(self):
        worker = self.worker()
        self.assertEqual(worker.fail("call", function="builtins:bytearray", args=[1 << 62]), "MemoryError")
        self.assertServes(worker)


class Results(Case):
    def test_that_are_no_json_are_errors(self):
        worker = self.worker()
        for what, say in (
            ("a set", "a value of type set is no JSON"),
            ("bytes", "a value of type bytes"),
            ("an object", "a value of type Deep"),
            ("nan", "JSON"),
            ("infinity", "JSON"),
            ("a nan key", "JSON"),
            ("a tuple key", "tuple"),
            ("a circle", "Circular"),
            ("deep", "recursion"),
            ("a huge int", "digits"),
            ("rude", "no items for you"),
        ):
            with self.subTest(what):
                reply = worker.ask("call", {"function": "called:give", "args": [what]})
                if what == "a huge int" and reply["success"]:
                    continue  # Pythons before the limit on digits
                self.assertEqual(reply["error_type"], "ResultError")
                self.assertRegex(reply["error"], "^ResultError: the result of call is no JSON: .*" + say)
                self.assertServes(worker)

    def test_of_other_types_become_json(self):
        worker = self.worker()
        for what, result in (
            ("tuple", [1, 2]),
            ("none", None),
            ("int keys", {"1": "c", "null": "b"}),
            ("controls", "\x00\x1f\x7f\u2028\U0001f600"),
        ):
            self.assertEqual(worker.call("called:give", what), result)

    def test_are_ascii_with_surrogates_too(self):
        worker = self.worker()
        worker.begin("call", function="called:give", args=["surrogates"])
        data = worker.receive_bytes()
        self.assertTrue(data.isascii())
        self.assertEqual(json.loads(data)["result"], "a\ud800b\udfff")
        worker.write(framed(b'{"id":1,"command":"\\ud800"}'))
        self.assertEqual(worker.receive()["error_type"], "UnknownCommand")
        worker.begin("call", function="called:fail", args=["\ud800"])
        self.assertIn("\ud800", worker.receive()["traceback"])

    def test_are_counted_as_errors_too(self):
        worker = self.worker()
        worker.fail("call", function="called:give", args=["a set"])
        worker.fail("call", function="called:fail", args=["x"])
        worker.fail("nope")
        worker.do("echo")
        stats = worker.do("get_stats")
        self.assertEqual((stats["command_count"], stats["error_count"]), (4, 3))
