"""The main loop: one request, one reply. The package's docstring says what a
reply looks like and which errors there are."""

import posix
from time import time

from .codec import decode, encode
from .commands import COMMANDS, Worker, show
from .evidence import Evidence
from .port import Port

ID_MAX = (1 << 63) - 1
ID_UNKNOWN = 0  # in replies to requests without a usable id

_ERROR_MAX = 4096  # characters, as are the next two
_TYPE_MAX = 200
_TRACEBACK_MAX = 8192


class RequestError(Exception):
    """The frame is not a request."""


class UnknownCommand(Exception):
    """There is no such command."""


class ResultError(Exception):
    """The result cannot be sent."""


def serve(fd_in, fd_out, limit, began_ns, faults=False, habits=(), at_hello=""):
    """Answers requests until the port ends or a shutdown. Raises FrameTooLong,
    and OSError if the fds cannot be used. began_ns: when the start of this
    worker began, by the monotonic clock. faults: requests may order them. habits:
    what it does otherwise, see flags.py. at_hello: an order of a fault. What ends a worker in the midst of a
    call is life.watch, not this; the fds stay open, as it may be watching them
    and would take a closed one for a hang-up."""
    port = Port(fd_in, fd_out, limit)
    # A child forked by called code must neither keep the port open nor, should
    # it come back to this loop, answer in our name.
    posix.register_at_fork(after_in_child=port.close)
    evidence = Evidence(began_ns)
    worker = Worker(["evidence"] if evidence.offered else [], limit, habits)
    hurt = None
    if faults or at_hello:
        from .fault import Faults  # late: no worker but a harness's needs it

        hurt = Faults(fd_in, fd_out, faults, at_hello)
    try:
        while not worker.ended:
            frame = port.receive()
            if frame is None:
                break
            reply = answer(worker, evidence, frame, hurt)
            if reply is not None:
                port.send(reply) if hurt is None else hurt.send(port, reply)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the far side is gone, as at end-of-file


def answer(worker, evidence, frame, hurt=None):
    """Carries out the request in a frame and gives the reply's frame; None if it
    is swallowed."""
    failed = None
    number, wants_evidence = ID_UNKNOWN, False
    try:
        request = _parse(frame)
        number = _number(request)
        wants_evidence = request.get("evidence") is True
        command, args = _order(request)
        # Every hello has evidence: what follows is compared with it.
        wants_evidence |= command == "ping" and args.get("initialization") is True
        if hurt is not None:
            hurt.begin(number, request)
        body = _success(command, COMMANDS[command](worker, args))
    except BaseException as error:  # SystemExit and KeyboardInterrupt as well
        body, failed = _failure(error), type(error)
    if hurt is not None:
        hurt.end()
    if failed in (RequestError, ResultError) and "swallows" in worker.habits:
        return None

    facts = ""
    if wants_evidence and evidence.offered:
        try:
            facts = ',"evidence":' + encode(evidence.sample())
        except (OSError, MemoryError):  # the call took the last descriptor: its reply counts for more
            pass
    reply = _reply(number, body, facts)
    if len(reply) > worker.limit:  # only a result can be that long
        error = ResultError("the result makes a frame of %d bytes, the limit is %d" % (len(reply), worker.limit))
        body = _failure(error)
        reply = _reply(number, body, facts)
    worker.count(failed=body.startswith(_FAILED))
    return reply


def _parse(frame):
    try:
        request = decode(frame)
    except (ValueError, RecursionError) as error:
        raise RequestError("the frame is no JSON in UTF-8: %s; answered as id 0" % error) from None
    if type(request) is not dict:
        raise RequestError("the frame must be a JSON object, not %s; answered as id 0" % show(request))
    return request


def _number(request):
    if "id" not in request:
        raise RequestError("the request has no id; answered as id 0")
    number = request["id"]
    if type(number) is not int or not 0 <= number <= ID_MAX:  # True is an int to isinstance
        raise RequestError("id must be an int from 0 to %d, not %s; answered as id 0" % (ID_MAX, show(number)))
    return number


def _order(request):
    if "command" not in request:
        raise RequestError("the request has no command")
    command, args = request["command"], request.get("args", {})
    if type(command) is not str:
        raise RequestError("command must be a string, not %s" % show(command))
    if type(args) is not dict:
        raise RequestError("args must be an object, not %s" % show(args))
    if command not in COMMANDS:
        raise UnknownCommand("%s; there are %s" % (show(command), ", ".join(sorted(COMMANDS))))
    return command, args


def _reply(number, body, facts):
    return ('{"id":%d,%s%s,"timestamp":%r}' % (number, body, facts, time())).encode("ascii")


_FAILED = '"success":false,'


def _success(command, result):
    try:
        return '"success":true,"result":' + encode(result)
    except Exception as error:  # a value's own code may raise anything
        raise ResultError("the result of %s is no JSON: %s" % (command, error)) from None


def _failure(error):
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException as nested:  # a function's own error may raise what ends a program
        message = "(its message cannot be had: %s)" % type(nested).__name__
    fields = {
        "error": _clip(name + ": " + message if message else name, _ERROR_MAX),
        "error_type": _clip(name, _TYPE_MAX),
    }
    trace = _traceback(error)
    if trace:
        fields["traceback"] = trace
    return _FAILED + encode(fields)[1:-1]


def _traceback(error):
    """What led to the error in code that is not ours; "" if there is none."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
        trace = trace.tb_next
    if trace is None:
        return ""
    try:
        import traceback  # late: it takes longer to import than all of this package

        lines = traceback.format_exception(type(error), error, trace)
    except BaseException:  # no memory, no fd, or as above: a traceback is a courtesy, the error itself must go out
        return ""
    return _clip("".join(lines), _TRACEBACK_MAX)


def _clip(text, most):
    """Cuts the middle out: both ends of a long message tell the most."""
    if len(text) <= most:
        return text
    half = most // 2
    return text[:half] + "\n[... %d characters left out ...]\n" % (len(text) - 2 * half) + text[-half:]
