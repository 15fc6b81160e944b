"""How a worker hurts itself when a harness asks for it: by flags at its start, and,
with --faults, by a request's field `fault` at a call.

  {"id": 3, "command": "sleep", "args": {"s": 5}, "fault": {"exit": 70, "after_ns": 300000000}}

  exit      the exit status to end with in place of the reply, 1 to 255
  after_ns  how long after the call began, while it is executed; it ends at the
            end of the call if that comes first. 0: before it is executed
"""

import posix
from _thread import start_new_thread
from time import sleep

from .flags import SECONDS_MAX, STATUS_MAX
from .life import leave

_CHUNK = 64 << 10


class OrderError(Exception):
    """What is ordered cannot be; the message says what it is."""


def start(fd_in, flags):
    """In place of serving: ends the process, or never answers until its port
    ends, as life.watch sees."""
    while posix.read(fd_in, _CHUNK):
        if flags.exit_at_hello:
            leave(flags.exit_at_hello)
    leave(0)


def begin(order):
    """Sets about an order at the begin of a call, and gives what is to be done at
    its end, in place of the reply."""
    status, after_ns = _checked(order)
    if not after_ns:
        leave(status)
    start_new_thread(_leave_later, (after_ns / 1e9, status))
    return lambda: leave(status)


def _leave_later(seconds, status):
    sleep(seconds)
    leave(status)


def _checked(order):
    if type(order) is not dict or not set(order) <= {"exit", "after_ns"}:
        raise OrderError("fault must be an object of exit and after_ns, not %r" % (order,))
    status, after_ns = order.get("exit"), order.get("after_ns", 0)
    if type(status) is not int or not 1 <= status <= STATUS_MAX:
        raise OrderError("fault.exit must be an exit status from 1 to %d, not %r" % (STATUS_MAX, status))
    if type(after_ns) is not int or not 0 <= after_ns <= SECONDS_MAX * 1e9:
        raise OrderError("fault.after_ns must be a number of nanoseconds from 0 to %d, not %r" % (SECONDS_MAX * 1e9, after_ns))
    return status, after_ns
