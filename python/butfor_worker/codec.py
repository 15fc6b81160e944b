"""JSON text to values and back, without importing json.

`import json` more than doubles the start of a bare interpreter, because it
compiles regular expressions that only its pure Python fall-back needs. Both
directions are really done by the C module `_json`, which is used here the way
json uses it. `_json` promises nothing to us, so it is tried on a sample first;
where it is missing or behaves otherwise, json itself does the work.

    decode(bytes) -> value   ValueError: no UTF-8, or no JSON
                             RecursionError: nested too deeply
    encode(value) -> str     JSON text, ASCII only, without line breaks
                             TypeError, ValueError, RecursionError, or what a
                             value's own code raises: no JSON can be made of it

NaN and the infinities are refused both ways.
"""

_SPACE = " \t\n\r"


def _refuse(name):
    raise ValueError(name + " is no JSON")


def _unknown(value):
    raise TypeError("a value of type " + type(value).__name__ + " is no JSON")


class _Rules:
    """What make_scanner asks of a decoder."""

    strict = True  # no raw control characters in strings
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse)


def accelerated():
    """Both directions from _json; ImportError where there is none."""
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    scan = make_scanner(_Rules)

    def from_text(text):
        begin = len(text) - len(text.lstrip(_SPACE))
        try:
            value, end = scan(text, begin)
        except StopIteration as stop:
            raise ValueError("no value at character %s" % stop.value) from None
        except SystemError:
            # Most errors are raised as json.decoder's, which some versions look
            # up among the imported modules; not finding it, they raise nothing.
            return plain()[0](text)
        if end != len(text) and text[end:].strip(_SPACE):
            raise ValueError("more than one value: extra data at character %d" % end)
        return value

    def to_text(value):
        # The first argument remembers the containers being written, to detect
        # a circle; after an error it is stale, hence a new one each time.
        write = make_encoder({}, _unknown, encode_basestring_ascii, None, ":", ",", False, False, False)
        return "".join(write(value, 0))

    return from_text, to_text


def plain():
    """Both directions from json."""
    import json

    decoder = json.JSONDecoder(parse_constant=_refuse)
    encoder = json.JSONEncoder(default=_unknown, allow_nan=False, separators=(",", ":"))
    return decoder.decode, encoder.encode


_TEXT = '{"a":[1,-2.5,true,null,{}],"\\u00e9\\ud800\\n":"b"}'
_VALUE = {"a": [1, -2.5, True, None, {}], "\u00e9\ud800\n": "b"}


def behaves(from_text, to_text):
    """Says whether a pair does what this module promises, on a small sample."""
    if from_text(" " + _TEXT + "\n") != _VALUE or to_text(_VALUE) != _TEXT:
        return False
    for do, wrong in ((from_text, "[NaN]"), (from_text, "1 2"), (from_text, ""), (to_text, [float("inf")])):
        try:
            do(wrong)
        except ValueError:
            continue
        return False
    return True


def choose():
    """The accelerated pair if it behaves, else the plain one."""
    try:
        pair = accelerated()
        if behaves(*pair):
            return pair
    except Exception:  # whatever a changed _json does, json is there
        pass
    return plain()


_from_text, encode = choose()


def decode(data):
    return _from_text(str(data, "utf-8"))
