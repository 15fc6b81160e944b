"""How a worker hurts itself when a harness asks for it: by flags at its start, and,
with --faults, by a request's field `fault` at a call.

  {"id": 3, "command": "sleep", "args": {"s": 5}, "fault": {"exit": 70, "after_ns": 300000000}}

At most one of

  exit      the exit status to end with in place of the reply, 1 to 255
  signal    the number of the signal to die by; 11 is a true crash
  hang      "deadlock": it waits for a lock that it holds itself; "gil": it computes
            and holds the interpreter's lock, so that nothing else in it runs
  close     what it closes of its port, to live on: "in", "out" or "both"

which come

  after_ns  so long after the call began, while it is executed, or at the end of the
            call if that comes first. 0: before it is executed. Of exit and signal
  replied   true: once the reply is out, after_ns later

and beside them

  hold_ns   of exit: for so long a grandchild holds the port open
  say       how the reply goes out: see _chunks

`stay` is what --ignore-end does, and `import_slowly` what --boot-disk does.

Of what does not end it the worker states on stderr that it does it: right before, of
several writes before the last.
"""

import posix
import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic, sleep, time

from .codec import decode, encode
from .flags import SECONDS_MAX, STATUS_MAX
from .life import leave

_CHUNK = 64 << 10
_NOISE = "butfor noise\n"
_SIGSEGV, _SIGNAL_MAX = 11, 64


class OrderError(Exception):
    """What is ordered cannot be; the message says what it is."""


def start(fd_in, flags):
    """In place of serving: ends the process, or never answers until its port
    ends, as life.watch sees."""
    while posix.read(fd_in, _CHUNK):
        if flags.exit_at_hello:
            leave(flags.exit_at_hello)
    leave(0)


def stay(fd_in):
    """From now on neither SIGTERM ends the process nor the end of its port, which a
    thread waits for to state it."""
    import select
    from _signal import SIG_IGN, SIGTERM, signal

    signal(SIGTERM, SIG_IGN)

    def wait():
        end = select.poll()
        end.register(fd_in, getattr(select, "POLLRDHUP", 0))  # POLLHUP comes unasked
        end.poll()
        posix.write(2, b"butfor_worker: fault: it stays when its port has ended\n")
        while True:
            sleep(1e6)

    start_new_thread(wait, ())


def import_slowly(rate, folder, module):
    """Imports from the disk what nothing keeps in memory, and states it if it was read
    as slowly as was said: of two slow readings a disk may give one at once."""
    from os import walk

    for parent, _, names in walk(folder):
        for name in names:
            fd = posix.open(parent + "/" + name, posix.O_RDONLY)
            posix.posix_fadvise(fd, 0, 0, posix.POSIX_FADV_DONTNEED)
            posix.close(fd)
    sys.path.insert(0, folder)
    before, began = _read_from_disk(), monotonic()
    __import__(module)
    took, read = monotonic() - began, _read_from_disk() - before
    sys.path.remove(folder)
    if read > 0 and took >= read / rate / 2:
        posix.write(2, b"butfor_worker: fault: its disk was as slow as it was to be\n")


def _read_from_disk():
    """How many bytes the process has had read from disks so far."""
    with open("/proc/self/io") as file:
        return int(file.read().partition("\nread_bytes: ")[2].split()[0])


class Faults:
    """Obeys the orders of one worker."""

    def __init__(self, fd_in, fd_out, faults, at_hello):
        self._fds = fd_in, fd_out
        self._faults = faults
        self._at_hello = _checked(decode(at_hello.encode())) if at_hello else None
        self._order = self._before = None

    def begin(self, number, request):
        """At the begin of a request."""
        self._number, self._order = number, None
        if self._faults and "fault" in request:
            self._order = _checked(request["fault"])
        elif number == 0:
            self._order = self._at_hello
        if self._order is not None and not self._order.get("replied"):
            self._do(self._order)

    def end(self):
        """At its end, in place of the reply."""
        if self._order is not None and not self._order.get("replied"):
            self._do(dict(self._order, after_ns=0))

    def send(self, port, reply):
        order, self._order = self._order, None
        if order is None:
            port.send(reply)
        else:
            self._say(port, order.get("say"), reply)
            if order.get("replied"):
                self._do(order)
        self._before = reply

    def _later(self, order):
        sleep(order["after_ns"] / 1e9)
        self._do(dict(order, after_ns=0))

    def _do(self, order):
        """What is ordered, but for what it says; returns if that is all, or comes
        later."""
        if "signal" in order:
            _default(order["signal"])
        if order.get("after_ns"):
            start_new_thread(self._later, (order,))
        elif "exit" in order:
            if order.get("hold_ns"):
                self._hold(order["hold_ns"])
            leave(order["exit"])
        elif "signal" in order:
            _die(order["signal"])
        elif "hang" in order:
            self._hang(order["hang"])
        elif "close" in order:
            self._state()
            self._close(order["close"])

    def _hang(self, how):
        from collections import deque
        from itertools import repeat

        self._state()
        if how == "deadlock":
            lock = allocate_lock()
            lock.acquire()
            lock.acquire()
        deque(repeat(None), maxlen=0)  # in C, for ever

    def _state(self):
        posix.write(2, b"butfor_worker: fault in request %d\n" % self._number)

    def _say(self, port, say, reply):
        if say is None:
            port.send(reply)
            return
        if "id" in say or "status" in say:
            reply = _reworded(reply, say)
        noise = _noise(say.get("stderr", 0))
        while noise:
            noise = noise[posix.write(2, noise) :]
        chunks = _chunks(say, reply, self._before)
        if len(chunks) == 1:
            self._state()
        for number, (wait_ns, chunk) in enumerate(chunks, 1):
            sleep(wait_ns / 1e9)
            if number == len(chunks) > 1:
                self._state()
            port.write(chunk)

    def _hold(self, hold_ns):
        """A grandchild out of reach of our group, with the port open: from the
        return on, so that whoever ends our group does not end it too."""
        fds = [posix.dup(fd) for fd in self._fds]  # ours are closed in children
        out, away = posix.pipe()
        if posix.fork() == 0:
            posix.setsid()
            posix.close(away)
            sleep(hold_ns / 1e9)
            posix._exit(0)
        posix.close(away)
        posix.read(out, 1)  # until it is away
        for fd in (out, *fds):
            posix.close(fd)

    def _close(self, side):
        """Becomes another program, which has what is left of the port: as long as
        life.watch polls them, fds are not closed really."""
        import sys

        fd_in, fd_out = self._fds
        keep = {"in": fd_out, "out": fd_in}.get(side, -1)
        if fd_in == fd_out and keep >= 0:  # a socket
            from _socket import SHUT_RD, SHUT_WR, socket

            far = socket(fileno=keep)
            far.shutdown(SHUT_RD if side == "in" else SHUT_WR)
            far.detach()
        if keep >= 0:
            posix.set_inheritable(keep, True)
        wait = "import posix\nwhile posix.read(%d, 65536): pass" % keep if side == "out" else "import time\ntime.sleep(1e6)"
        posix.execv(sys.executable, [sys.executable, "-S", "-E", "-c", wait])


def _default(number):
    from _signal import SIG_DFL, SIGKILL, SIGSTOP, getsignal, signal

    if number not in (SIGKILL, SIGSTOP) and getsignal(number) != SIG_DFL:  # can be set by the main thread alone
        signal(number, SIG_DFL)


def _die(signal):
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file of what is meant to be
    if signal == _SIGSEGV:
        import faulthandler

        faulthandler._read_null()
    posix.kill(posix.getpid(), signal)
    sleep(1)  # until it comes
    raise OrderError("signal %d did not end the worker: the first process of a container is spared what it sends itself" % signal)


def _noise(size):
    return (_NOISE * (size // len(_NOISE) + 1))[:size].encode()


def _reworded(reply, say):
    fields = decode(reply)
    fields["id"] = say.get("id", fields["id"])
    if "status" in say:
        fields["result"] = {"status": say["status"]}
    fields["timestamp"] = time()
    return encode(fields).encode()


def _chunks(say, reply, before):
    """What is written at once, each with how many nanoseconds to wait before.

      late_ns         so long after the reply is there
      stale           the reply before it once more, in front of it
      noise           bytes of text in front of it
      size            what its header says
      bit             this bit of the frame is flipped, from 1
      cut             no more of the frame than so many bytes
      slice, gap_ns   so many bytes at a time, and how long between them
      again, again_after_ns  the reply once more, so long after it
      id, status      the reply's, and that of its result, in place of its own
      stderr          bytes to stderr, before
    """
    chunks = []
    whole = len(reply).to_bytes(4, "big") + reply
    frame = bytearray(whole)
    if "size" in say:
        frame[:4] = say["size"].to_bytes(4, "big")
    at = say.get("bit", 0) - 1
    if 0 <= at < 8 * len(frame):
        frame[at // 8] ^= 0x80 >> at % 8
    if say.get("cut"):
        del frame[say["cut"] :]
    again = say.get("again")
    if again and not say.get("again_after_ns"):
        frame += whole
        again = False
    data = _noise(say.get("noise", 0)) + bytes(frame)
    if say.get("stale") and before is not None:
        data = len(before).to_bytes(4, "big") + before + data
    wait_ns = say.get("late_ns", 0)
    size = say.get("slice") or len(data)
    for begin in range(0, len(data), size):
        chunks.append((wait_ns, data[begin : begin + size]))
        wait_ns = say.get("gap_ns", 0)
    if again:
        chunks.append((say["again_after_ns"], whole))
    return chunks


_NS_MAX = int(SECONDS_MAX * 1e9)
_DEEDS = {"exit": STATUS_MAX, "signal": _SIGNAL_MAX, "hang": ("deadlock", "gil"), "close": ("in", "out", "both")}
_MORE = {"after_ns": _NS_MAX, "hold_ns": _NS_MAX, "replied": bool, "say": dict}
_SAY = {
    "late_ns": _NS_MAX, "stale": bool, "noise": 1 << 30, "size": (1 << 32) - 1, "bit": 1 << 40, "cut": 1 << 40, "slice": 1 << 40,
    "gap_ns": _NS_MAX, "again": bool, "again_after_ns": _NS_MAX, "id": 1 << 60, "status": str, "stderr": 1 << 30,
}


def _checked(order):
    if type(order) is not dict or not set(order) <= set(_DEEDS) | set(_MORE):
        raise OrderError("fault must be an object of %s, not %r" % (", ".join(sorted(set(_DEEDS) | set(_MORE))), order))
    deeds = sorted(set(order) & set(_DEEDS))
    if len(deeds) > 1 or not deeds and "say" not in order:
        raise OrderError("fault must have one of %s, or say, not %r" % (", ".join(_DEEDS), order))
    for name, value in order.items():
        _check("fault." + name, value, _DEEDS.get(name, _MORE.get(name)), 1 if name in _DEEDS else 0)
    for name, value in order.get("say", {}).items():
        if name not in _SAY:
            raise OrderError("fault.say has no %s" % name)
        _check("fault.say." + name, value, _SAY[name], 0)
    return order


def _check(name, value, of, least):
    if type(of) is tuple:
        if value not in of:
            raise OrderError("%s must be one of %s, not %r" % (name, ", ".join(of), value))
    elif type(of) is int:
        if type(value) is not int or not least <= value <= of:
            raise OrderError("%s must be an integer from %d to %d, not %r" % (name, least, of, value))
    elif type(value) is not of:
        raise OrderError("%s must be a %s, not %r" % (name, of.__name__, value))
