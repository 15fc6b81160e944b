import json
import sys
import types
import unittest
from unittest import mock

from butfor_worker import codec

GOOD = [
    ("{}", {}),
    (' \t\r\n{"a" : [1, 2.5, -3e2, true, false, null, "x"]} \n', {"a": [1, 2.5, -300.0, True, False, None, "x"]}),
    ('{"a":1,"a":2}', {"a": 2}),
    ('"\\u00e9\\ud83d\\ude00"', "\u00e9\U0001f600"),
    ('"\u00e9"', "\u00e9"),
    ('"\\ud800"', "\ud800"),
    ("1234567890123456789012345678901234567890", 1234567890123456789012345678901234567890),
    ("[[[[[]]]]]", [[[[[]]]]]),
]

BAD = ["", " ", "{", '{"a":}', "{'a':1}", "[1,]", "1 2", "{} {}", "nul", "NaN", "[Infinity]", '{"a":-Infinity}', '"a\nb"', "\ufeff{}", "01", "+1"]

VALUES = [
    {"a": [1, 2.5, True, False, None, "x", {}]},
    "\u00e9\ud800\udfff\U0001f600\x00\"\\/",
    [],
    -0.0,
    1e300,
    2**200,
    {1: 2, None: 3, 2.5: 4},
    (1, (2,)),
]


class Both:
    """What holds for both ways to do it."""

    def test_decodes(self):
        for text, value in GOOD:
            with self.subTest(text):
                self.assertEqual(self.from_text(text), value)

    def test_refuses_what_is_no_json(self):
        for text in BAD:
            with self.subTest(text), self.assertRaises(ValueError):
                self.from_text(text)

    def test_says_what_is_no_json(self):
        for text, say in (("[NaN]", "NaN"), ("{} {}", "data.*[23]"), ("", "0"), ("[1,]", "3"), (' {"a" 1}', "6")):
            with self.subTest(text), self.assertRaisesRegex(ValueError, say):
                self.from_text(text)

    def test_deep_nesting_is_an_error_not_a_crash(self):
        for text in ("[" * 200000, '{"a":' * 200000):
            with self.assertRaises(RecursionError):
                self.from_text(text)

    def test_encodes_like_json(self):
        for value in VALUES:
            with self.subTest(repr(value)):
                text = self.to_text(value)
                self.assertEqual(text, json.dumps(value, separators=(",", ":")))
                self.assertTrue(text.isascii())

    def test_refuses_what_json_has_not(self):
        circle = {}
        circle["a"] = circle
        for value, error in (
            (float("nan"), ValueError),
            ([float("inf")], ValueError),
            ({"a": -float("inf")}, ValueError),
            ({float("nan"): 1}, ValueError),
            (circle, ValueError),
            ({1, 2}, TypeError),
            (b"x", TypeError),
            ({(1,): 2}, TypeError),
            (object(), TypeError),
        ):
            with self.subTest(repr(value)), self.assertRaises(error):
                self.to_text(value)

    def test_an_error_leaves_nothing_behind(self):
        shared = [1]
        with self.assertRaises(TypeError):
            self.to_text([shared, object()])
        with self.assertRaises(TypeError):
            self.to_text([[shared, object()]])
        self.assertEqual(self.to_text([shared, shared]), "[[1],[1]]")

    def test_behaves(self):
        self.assertTrue(codec.behaves(self.from_text, self.to_text))


class Accelerated(Both, unittest.TestCase):
    from_text, to_text = map(staticmethod, codec.accelerated())


    def test_errors_are_errors_before_json_is_imported(self):
        without = {name: module for name, module in sys.modules.items() if name.partition(".")[0] != "json"}
        for text in BAD:
            with self.subTest(text), mock.patch.dict(sys.modules, without, clear=True), self.assertRaises(ValueError):
                self.from_text(text)


class Plain(Both, unittest.TestCase):
    from_text, to_text = map(staticmethod, codec.plain())


class Choice(unittest.TestCase):
    def chosen(self, fake):
        with mock.patch.dict(sys.modules, {"_json": fake}):
            return codec.choose()

    def fake(self, **changed):
        import _json

        return types.SimpleNamespace(**dict(vars(_json), **changed))

    def assertPlain(self, pair):
        self.assertIs(getattr(pair[0], "__func__", None), json.JSONDecoder.decode)

    def test_is_the_accelerated_pair(self):
        self.assertEqual(codec._from_text.__qualname__, "accelerated.<locals>.from_text")
        self.assertEqual(self.chosen(self.fake())[0].__qualname__, "accelerated.<locals>.from_text")

    def test_is_the_plain_pair_where_there_is_no_accelerator(self):
        self.assertPlain(self.chosen(None))

    def test_is_the_plain_pair_where_the_accelerator_lacks_a_part(self):
        for part in ("make_scanner", "make_encoder", "encode_basestring_ascii"):
            fake = self.fake()
            delattr(fake, part)
            self.assertPlain(self.chosen(fake))

    def test_is_the_plain_pair_where_the_accelerator_misbehaves(self):
        import _json

        def scan_of(change):
            return lambda rules: lambda text, begin: change(_json.make_scanner(rules)(text, begin))

        def lenient(rules):
            rules = types.SimpleNamespace(**{n: getattr(rules, n) for n in dir(rules) if n[0] != "_"})
            rules.parse_constant = float
            return _json.make_scanner(rules)

        def wrong(*_):
            raise SystemError("bad internal call")

        for name, change in {
            "another value": {"make_scanner": scan_of(lambda found: ({}, found[1]))},
            "another end": {"make_scanner": scan_of(lambda found: (found[0], found[1] - 1))},
            "takes NaN": {"make_scanner": lenient},
            "writes infinity": {"make_encoder": lambda *args: _json.make_encoder(*args[:-1], True)},
            "writes other text": {"make_encoder": lambda *args: lambda value, level: ("{}",)},
            "writes beyond ASCII": {"encode_basestring_ascii": _json.encode_basestring},
            "other arguments": {"make_encoder": lambda: None},
            "breaks": {"make_scanner": wrong},
        }.items():
            with self.subTest(name):
                self.assertPlain(self.chosen(self.fake(**change)))


class Decode(unittest.TestCase):
    def test_takes_utf8_alone(self):
        self.assertEqual(codec.decode('"\u00e9"'.encode()), "\u00e9")
        for data in (b'"\xff"', '"\u00e9"'.encode("latin-1"), '"\ud800"'.encode("utf-8", "surrogatepass"), '"a"'.encode("utf-16")):
            with self.subTest(data), self.assertRaises(ValueError):
                codec.decode(data)
