"""The end of a worker: it never outlives its port, nor its parent."""

import posix
import select
import sys
from _thread import allocate_lock, start_new_thread

_FLUSH_S = 0.1


def watch(fd_in, fd_out, end=None):
    """From now on the process ends at once when the far side of the port hangs
    up or the parent dies, in the midst of a call too. Only code that holds the
    interpreter lock can delay it. RuntimeError: no thread could be started.
    end: what is done then in place of ending.

    A thread sleeps in poll until then. It does not read: calls would have to
    be handed from thread to thread, which costs speed. It asks for no input
    either, so a file or /dev/null, which can always be read, does not wake it.
    """
    poll = select.poll()
    # POLLHUP and POLLERR come unasked. The order matters for a single socket:
    # the later registration of an fd replaces the earlier one.
    poll.register(fd_out, 0)
    poll.register(fd_in, getattr(select, "POLLRDHUP", 0))
    parent = _open_parent()
    if parent is not None:
        poll.register(parent, select.POLLIN)

    def wait():
        poll.poll()
        leave(0) if end is None else end()

    start_new_thread(wait, ())


def outlive(parent, cry):
    """Cries for as long as the parent lives, and hears it: who launched a worker
    must be able to count on its end. Does not return."""
    try:
        while posix.getppid() == parent:
            cry()
    finally:
        leave(0)


def _open_parent():
    """An fd that becomes readable when the parent dies, so that watching costs
    no wake-ups. None where there is no such thing (before Linux 5.3, elsewhere,
    a parent outside our pid namespace): the port still says it."""
    parent = posix.getppid()
    try:
        fd = posix.pidfd_open(parent)
    except (AttributeError, OSError):
        return None
    if posix.getppid() != parent:
        leave(0)  # it died just now; the number may be another's already
    return fd


def leave(code):
    """Ends the process at once with this exit status: exit handlers and other
    threads are not waited for. Printed lines are flushed if that is quick: the
    flush has a thread of its own, as one stuck in a full stderr, or behind
    another thread's print, would hold up the end."""
    try:
        flushed = allocate_lock()
        flushed.acquire()
        start_new_thread(_flush, (flushed,))
        flushed.acquire(True, _FLUSH_S)
    finally:
        posix._exit(code)


def _flush(flushed):
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        flushed.release()
