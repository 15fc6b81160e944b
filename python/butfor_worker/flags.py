"""The command line, read by hand: argparse costs as much as a whole start."""

from .port import LIMIT, LIMIT_MAX, LIMIT_MIN

USAGE = """\
usage: python3 butfor_worker [flags]

Answers calls that arrive as frames on stdin, on stdout, until stdin ends.
A frame is a 4-byte big-endian length and that many bytes of JSON:

  {"id": 1, "command": "echo", "args": {"text": "hi"}}

What called code prints goes to stderr.

flags:
  --connect PATH       the port is the Unix socket that listens there, in place of
                       stdin and stdout
  --boot-cpu SECONDS   compute for that much CPU time before the first frame
                       is read, as a slow import would; given again, more
  --boot-wait SECONDS  then sleep that long, as a start that waits would; given
                       again, longer
  --boot-import MODULE  and import that
  --boot-disk RATE:FOLDER:MODULE  before, import that from a folder of files that
                       are first dropped from the machine's memory, on a disk
                       that is read at no more than so many bytes a second
  --limit BYTES        longest frame, %d to %d (default %d)
  --path FOLDER        look here first for modules that calls name; may be
                       given more than once. Neither the working directory nor
                       the worker's own folder is looked at unless Python
                       itself does so (-m, PYTHONPATH)
  --mute               read frames and answer none of them
  --exit-at-hello STATUS  end with that exit status, 1 to 255, in place of the
                       first reply
  --faults             obey a request that orders a fault: see fault.py
  --ignore-end         take no notice of the end of the port, nor of SIGTERM
  --at-hello ORDER     obey such an order at the hello
  --habit NAME         do as workers of another pool did; may be given more
                       than once:
                         stays     answer a shutdown, and do not go
                         outlives  live on when the port ends, busy, with a log
                         prints    what called code prints goes to the port
                         merges    what it writes to stderr does
                         shows     list without a session what all of them put
                         swallows  no answer to what is no request, nor where
                                   the result is no JSON
                         lingers   live on when the port ends, asleep
                         wrapped   start behind a wrapper that ends at once
                         scatters  what it forks leads a session of its own
                         crowds    have numeric libraries start 64 threads each
  --version            print the versions of worker and Python
  --help               print this

exit status: 0 ended by its port, its parent or a shutdown; 1 cannot serve;
2 wrong flags; 3 a frame over the limit; 130 interrupted; or as ordered by
--exit-at-hello or --faults
""" % (LIMIT_MIN, LIMIT_MAX, LIMIT)

STATUS_MAX = 255
HABITS = ("stays", "outlives", "prints", "merges", "shows", "swallows", "lingers", "wrapped", "scatters", "crowds")
SECONDS_MAX = 1e6  # eleven days: whoever asks for more has made a mistake


class FlagError(Exception):
    """Wrong usage; the message names the flag."""


class Flags:
    def __init__(self):
        self.connect = ""  # "": stdin and stdout are the port
        self.boot_cpu_s = 0.0
        self.boot_wait_s = 0.0
        self.limit = LIMIT
        self.path = []
        self.mute = False
        self.exit_at_hello = 0  # 0: it does not
        self.faults = False
        self.at_hello = self.boot_import = ""
        self.boot_disk = None  # or rate, folder and module
        self.ignore_end = False
        self.habits = []
        self.help = False
        self.version = False


def parse(words):
    """Flags from the words after the program's name. Raises FlagError."""
    flags = Flags()
    words = list(words)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name in ("--help", "-h", "--version", "--mute", "--faults", "--ignore-end"):
            if equals:
                raise FlagError("%s takes no value" % name)
            setattr(flags, name.lstrip("-").replace("-", "_") if name != "-h" else "help", True)
            continue
        if name not in ("--connect", "--boot-cpu", "--boot-wait", "--limit", "--path", "--exit-at-hello", "--at-hello", "--boot-import", "--boot-disk", "--habit"):
            raise FlagError("%s: no such flag; --help lists them" % name)
        if not equals:
            if not words:
                raise FlagError("%s needs a value" % name)
            value = words.pop(0)
        if name == "--boot-cpu":
            flags.boot_cpu_s += _seconds(name, value)
        elif name == "--boot-wait":
            flags.boot_wait_s += _seconds(name, value)
        elif name == "--exit-at-hello":
            flags.exit_at_hello = _status(name, value)
        elif name == "--boot-import":
            flags.boot_import = value
        elif name == "--boot-disk":
            flags.boot_disk = _disk(name, value)
        elif name == "--at-hello":
            flags.at_hello = value
        elif name == "--limit":
            flags.limit = _bytes(name, value)
        elif name == "--habit":
            if value not in HABITS:
                raise FlagError("--habit must be one of %s, not %r" % (", ".join(HABITS), value))
            flags.habits.append(value)
        elif name == "--connect":
            if not value:
                raise FlagError("--connect needs a path")
            flags.connect = value
        elif not value:
            raise FlagError("--path needs a folder")
        else:
            flags.path.append(value)
    return flags


def _seconds(name, value):
    try:
        seconds = float(value)
        if 0 <= seconds <= SECONDS_MAX:
            return seconds
    except ValueError:
        pass
    raise FlagError("%s must be a number of seconds from 0 to %d, not %r" % (name, SECONDS_MAX, value))


def _status(name, value):
    try:
        status = int(value)
        if 1 <= status <= STATUS_MAX:
            return status
    except ValueError:
        pass
    raise FlagError("%s must be an exit status from 1 to %d, not %r" % (name, STATUS_MAX, value))


def _disk(name, value):
    rate, _, rest = value.partition(":")
    folder, _, module = rest.rpartition(":")
    if rate.isdecimal() and int(rate) and folder and module:
        return int(rate), folder, module
    raise FlagError("%s must be RATE:FOLDER:MODULE, with bytes a second from 1, not %r" % (name, value))


def _bytes(name, value):
    try:
        size = int(value)
        if LIMIT_MIN <= size <= LIMIT_MAX:
            return size
    except ValueError:
        pass
    raise FlagError("%s must be a number of bytes from %d to %d, not %r" % (name, LIMIT_MIN, LIMIT_MAX, value))
