"""What a worker can be asked to do.

Arguments are JSON. Every command takes `session_id`, a string; without it, or
with "", a call is anonymous and has a namespace of its own. No command but
reset_state shows or changes what belongs to another session. Arguments not
listed are ignored.

  ping {worker_id?, initialization?}   status ok; with initialization the hello
  echo {...}                           the args as they came
  sleep {s}   burn {cpu_s}             wait · compute, by the thread's CPU time
  alloc {mb}                           holds that much touched memory, in place of
                                       what it held; 0 frees it
  import {module}                      how long the import took, in ms
  call {function, args?}               "module:name", args an object or a list
  put {key, value}  get {key}  list    the session's values
  create_program {id, callable, signature?, inputs?, outputs?}
  execute_program {program_id, inputs?}
  list_programs   get_program_info {program_id}   delete_program {program_id}
  get_stats                            counts, of programs and values the session's
  cleanup_session {session_id}         forgets the session
  reset_state                          forgets all sessions, counts and memory held
  shutdown                             the worker answers, then ends

A program is a callable by name, "module:name", run over its inputs as keyword
arguments; what else describes it is kept and given back. `id` and `program_id`
mean the same.
"""

import posix
import sys
from time import monotonic, sleep, thread_time, time

from . import __version__
from .codec import encode

SECONDS_MAX = 1e6
MB_MAX = 1 << 20


class ArgumentError(Exception):
    """An argument is missing or wrong; the message names it."""


class Worker:
    """The state of a worker between calls."""

    def __init__(self, capabilities, limit, habits=()):
        self.capabilities = capabilities
        self.habits = habits
        self.limit = limit  # bytes of a frame
        self.id = None  # as the hello said
        self.ended = False
        self._began = monotonic()
        self.reset()

    def reset(self):
        self.requests = 0
        self.errors = 0
        self.sessions = {}  # by id, "" for anonymous
        self.held = b""

    def count(self, failed):
        self.requests += 1
        self.errors += failed

    def uptime_s(self):
        return monotonic() - self._began

    def session(self, args):
        """The session of a call, to look into: one that does not exist yet is
        not made, or reading alone would pile them up."""
        return self.sessions.get(_session_id(args)) or Session()

    def session_made(self, args):
        """The session of a call, to put something into."""
        return self.sessions.setdefault(_session_id(args), Session())

    def listed(self, args):
        """The sessions that a listing is of."""
        if "shows" in self.habits and _session_id(args) == "":
            return list(self.sessions.values())
        return [self.session(args)]


class Session:
    def __init__(self):
        self.programs = {}
        self.values = {}


class Program:
    def __init__(self, run, info):
        self.run = run
        self.info = info  # what it was created with
        self.created_at = time()
        self.execution_count = 0
        self.last_executed = None

    def counts(self):
        return {
            "created_at": self.created_at,
            "execution_count": self.execution_count,
            "last_executed": self.last_executed,
        }


def ping(worker, args):
    if args.get("initialization") is not True:
        return {"status": "ok", "worker_id": worker.id, "timestamp": time()}
    if "worker_id" in args:
        worker.id = _string(args, "worker_id")
    return {
        "status": "ok",
        "worker_id": worker.id,
        "timestamp": time(),
        "pid": posix.getpid(),
        "capabilities": worker.capabilities,
        "limit": worker.limit,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "version": __version__,
    }


def echo(worker, args):
    return args


def sleep_(worker, args):
    seconds = _number(args, "s", SECONDS_MAX)
    begin = monotonic()
    sleep(seconds)
    return {"slept_s": monotonic() - begin}


def burn_(worker, args):
    return {"burnt_s": burn(_number(args, "cpu_s", SECONDS_MAX))}


def burn(cpu_s):
    """Computes until this thread has used that much CPU time; gives what it
    used in the end."""
    begin = thread_time()
    while thread_time() - begin < cpu_s:
        for _ in range(500):  # mostly Python, not the system call that reads the clock
            pass
    return thread_time() - begin


def alloc(worker, args):
    size = int(_number(args, "mb", MB_MAX) * (1 << 20))
    worker.held = b""  # first: both at once could be one too many
    worker.held = bytearray(size)  # writes its zeros, so the memory is really used
    return {"held_bytes": size}


def import_(worker, args):
    module = _string(args, "module")
    new = module not in sys.modules
    begin = monotonic()
    _load(module)
    return {"module": module, "ms": (monotonic() - begin) * 1e3, "new": new}


def _load(module):
    """Imports a module. Under -S, which makes starts faster, site-packages are
    added the first time that something is not found without them."""
    try:
        __import__(module)
    except ModuleNotFoundError as e:
        if not sys.flags.no_site or "site" in sys.modules or e.name != module.split(".")[0]:
            raise
        import site

        site.main()
        __import__(module)


def call(worker, args):
    run = _callable(args, "function")
    inputs = args.get("args", {})
    if type(inputs) is dict:
        return run(**inputs)
    if type(inputs) is list:
        return run(*inputs)
    raise _wrong(args, "args", "an object (keyword arguments) or a list (positional ones)")


def put(worker, args):
    key = _string(args, "key")
    if "value" not in args:
        raise _wrong(args, "value", "any JSON value")
    worker.session_made(args).values[key] = args["value"]
    return {"key": key}


def get(worker, args):
    key = _string(args, "key")
    values = worker.session(args).values
    return {"key": key, "found": key in values, "value": values.get(key)}


def list_(worker, args):
    return {"keys": [key for session in worker.listed(args) for key in session.values]}


def create_program(worker, args):
    name, key = _program_key(args)
    if key in worker.session(args).programs:
        raise ArgumentError("args.%s: program %s exists already in this session" % (name, show(key)))
    run = _callable(args, "callable")
    info = {k: args[k] for k in ("callable", "signature", "inputs", "outputs") if k in args}
    worker.session_made(args).programs[key] = Program(run, info)
    return {"program_id": key, "status": "created", "signature": args.get("signature")}


def execute_program(worker, args):
    key, program = _program(worker, args)
    inputs = args.get("inputs", {})
    if type(inputs) is not dict:
        raise _wrong(args, "inputs", "an object")
    outputs = program.run(**inputs)
    program.execution_count += 1
    program.last_executed = time()
    return {"program_id": key, "outputs": outputs}


def list_programs(worker, args):
    programs = [
        dict(program.counts(), id=key)
        for session in worker.listed(args)
        for key, program in session.programs.items()
    ]
    return {"programs": programs, "total_count": len(programs)}


def get_program_info(worker, args):
    key, program = _program(worker, args)
    return dict(program.counts(), program_id=key, **program.info)


def delete_program(worker, args):
    key, _ = _program(worker, args)
    del worker.session(args).programs[key]
    return {"program_id": key, "status": "deleted"}


def get_stats(worker, args):
    session = worker.session(args)
    return {
        "worker_id": worker.id,
        "pid": posix.getpid(),
        "uptime": worker.uptime_s(),
        "command_count": worker.requests,
        "error_count": worker.errors,
        "sessions_count": len(worker.sessions),
        "programs_count": len(session.programs),
        "values_count": len(session.values),
        "held_bytes": len(worker.held),
    }


def cleanup_session(worker, args):
    key = _string(args, "session_id")
    session = worker.sessions.pop(key, None) or Session()
    return {
        "status": "cleaned",
        "session_id": key,
        "programs_removed": len(session.programs),
        "values_removed": len(session.values),
    }


def reset_state(worker, args):
    sessions = worker.sessions
    worker.reset()
    return {
        "status": "reset",
        "sessions_cleared": len(sessions),
        "programs_cleared": sum(len(session.programs) for session in sessions.values()),
    }


def shutdown(worker, args):
    worker.ended = "stays" not in worker.habits
    return {"status": "shutting_down", "worker_id": worker.id}


COMMANDS = {
    "alloc": alloc,
    "burn": burn_,
    "call": call,
    "cleanup_session": cleanup_session,
    "create_program": create_program,
    "delete_program": delete_program,
    "echo": echo,
    "execute_program": execute_program,
    "get": get,
    "get_program_info": get_program_info,
    "get_stats": get_stats,
    "import": import_,
    "list": list_,
    "list_programs": list_programs,
    "ping": ping,
    "put": put,
    "reset_state": reset_state,
    "shutdown": shutdown,
    "sleep": sleep_,
}


def _wrong(args, name, wanted):
    if name not in args:
        return ArgumentError("args.%s is missing; it must be %s" % (name, wanted))
    return ArgumentError("args.%s must be %s, not %s" % (name, wanted, show(args[name])))


def _number(args, name, most):
    value = args.get(name)
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise _wrong(args, name, "a number from 0 to %d" % most)
    return value


def _string(args, name):
    value = args.get(name)
    if type(value) is not str or not value:
        raise _wrong(args, name, "a string that is not empty")
    return value


def _session_id(args):
    value = args.get("session_id")
    if value is None:
        return ""
    if type(value) is not str:
        raise _wrong(args, "session_id", "a string")
    return value


def _program_key(args):
    name = "id" if "id" in args and "program_id" not in args else "program_id"
    return name, _string(args, name)


def _program(worker, args):
    name, key = _program_key(args)
    programs = worker.session(args).programs
    if key not in programs:
        raise ArgumentError("args.%s: no program %s in this session" % (name, show(key)))
    return key, programs[key]


def _callable(args, name):
    wanted = 'a callable named "module:name"'
    module, _, path = _string(args, name).partition(":")
    if not module or not path:
        raise _wrong(args, name, wanted)
    _load(module)
    found = sys.modules[module]
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ArgumentError("args.%s: %s has no %s" % (name, module, path)) from None
    if not callable(found):
        raise _wrong(args, name, wanted)
    return found


def show(value):
    """A value for a message: its JSON, not too much of it."""
    text = encode(value)
    return text if len(text) <= 80 else text[:77] + "..."
