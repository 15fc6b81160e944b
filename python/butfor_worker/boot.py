"""From the command line to serving: flags, the port, the watch, boot demands."""

import posix
import sys
from time import sleep

from . import __version__
from .commands import burn
from .flags import USAGE, FlagError, parse
from .life import leave, outlive, watch
from .port import FrameTooLong
from .serve import serve


def main(began_ns):
    """Runs the worker; does not return. began_ns: when the start began, by the
    monotonic clock."""
    try:
        flags = parse(sys.argv[1:])
    except FlagError as error:
        say(error)
        sys.exit(2)
    if flags.help:
        print(USAGE, end="")
        sys.exit(0)
    if flags.version:
        print("butfor_worker %s (Python %d.%d.%d)" % ((__version__,) + sys.version_info[:3]))
        sys.exit(0)

    code = 1
    try:
        if flags.habits:
            from .habit import begin

            begin(flags.habits)
        fd_in, fd_out = connect(flags.connect) if flags.connect else take_stdio()
        for habit, fd in (("prints", 1), ("merges", 2)):
            if habit in flags.habits:
                posix.dup2(fd_out, fd)
        if flags.ignore_end:
            from .fault import stay

            stay(fd_in)
        elif "lingers" not in flags.habits:  # before anything slow: a start must not outlive its port either
            parent = posix.getppid()
            watch(fd_in, fd_out, (lambda: outlive(parent, mourn)) if "outlives" in flags.habits else None)
        sys.path[:0] = flags.path
        burn(flags.boot_cpu_s)
        sleep(flags.boot_wait_s)
        if flags.boot_disk:
            from .fault import import_slowly

            import_slowly(*flags.boot_disk)
        if flags.boot_import:
            __import__(flags.boot_import)
            posix.write(2, b"butfor_worker: fault: it has imported what it was to\n")
        if flags.mute or flags.exit_at_hello:
            from .fault import start

            start(fd_in, flags)
        serve(fd_in, fd_out, flags.limit, began_ns, flags.faults, flags.habits, flags.at_hello)
        while flags.ignore_end or "lingers" in flags.habits:
            sleep(1e6)
        while "outlives" in flags.habits:  # another thread mourns
            sleep(1e6)
        code = 0
    except FrameTooLong as error:
        say(error)
        code = 3
    except KeyboardInterrupt:
        code = 130
    except (OSError, RuntimeError) as error:
        say("cannot serve: %s" % error)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    leave(code)


def mourn():
    say("end of file on stdin, waiting for a frame")


def say(what):
    print("butfor_worker: %s" % what, file=sys.stderr)


def take_stdio():
    """Takes the port away from stdin and stdout and gives its two fds. Called
    code, C libraries and children find an empty stdin, and their stdout is
    stderr, so nothing but the worker can read or write a frame."""
    for fd, name in ((0, "stdin"), (1, "stdout")):
        try:
            posix.fstat(fd)
        except OSError:
            raise OSError("%s is closed, but it is the port" % name) from None
    # Line by line, as stderr is: the order of prints is kept, and nothing
    # waits in a buffer when the process is killed. Done first, as it asks fd 1
    # where it stands: a file can say so, the stderr that it becomes may not.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    null = posix.open("/dev/null", posix.O_RDWR)  # becomes fd 2 if stderr is closed
    fd_in, fd_out = posix.dup(0), posix.dup(1)
    posix.dup2(null, 0)
    posix.dup2(2, 1)
    if null != 2:
        posix.close(null)
    return fd_in, fd_out


def connect(path):
    """Gives the socket that is the port, twice. Called code finds stdin and stdout
    as it does where they were the port."""
    for fd in take_stdio():
        posix.close(fd)
    from _socket import AF_UNIX, SOCK_STREAM, socket  # late: whoever has stdio needs no sockets

    far = socket(AF_UNIX, SOCK_STREAM)
    try:
        far.connect(path)
    except OSError as error:
        raise OSError("connect to %s: %s" % (path, error)) from None
    fd = far.detach()
    return fd, fd
