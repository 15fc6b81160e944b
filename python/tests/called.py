"""What the tests have a worker call. Imports at the top would be seen by the
test that looks at what a start has imported."""


def loaded():
    import sys

    return sorted(sys.modules)


def import_path():
    import sys

    return sys.path


def flags():
    import sys

    return {"isolated": sys.flags.isolated, "no_site": sys.flags.no_site, "ignore_environment": sys.flags.ignore_environment}


def add(a, b=10):
    return a + b


class Deep:
    class Inside:
        @staticmethod
        def name():
            return "deep"


not_callable = 1


def fail(message):
    raise ValueError(message)


def fail_nameless():
    raise KeyError


def fail_in(depth):
    if depth:
        return fail_in(depth - 1)
    raise ValueError("at the bottom")


def fail_in_turns(depth):
    """Frames that alternate, as the traceback module folds equal ones."""
    return fail_in_turns_too(depth - 1) if depth else fail("at the bottom")


def fail_in_turns_too(depth):
    return fail_in_turns(depth - 1) if depth else fail("at the bottom")


def recurse():
    return recurse()


def leave(how):
    import sys

    if how == "exit":
        sys.exit(7)
    if how == "interrupt":
        raise KeyboardInterrupt
    raise GeneratorExit


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def fail_unspeakably():
    raise Unspeakable()


class Final(Exception):
    def __str__(self):
        raise SystemExit(3)


def fail_finally():
    raise Final()


class Rude(dict):
    def items(self):
        raise RuntimeError("no items for you")


def give(what):
    """Results that are no JSON, and some that are."""
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(100000):
        deep = [deep]
    return {
        "a set": {1},
        "bytes": b"x",
        "nan": [1, {"a": float("nan")}],
        "infinity": float("-inf"),
        "a nan key": {float("nan"): 1},
        "a tuple key": {(1, 2): 3},
        "a circle": circle,
        "deep": deep,
        "a huge int": 1 << 100000,
        "an object": Deep(),
        "rude": Rude(a=1),
        "surrogates": "a\ud800b\udfff",
        "int keys": {1: "a", None: "b", True: "c"},
        "tuple": (1, 2),
        "none": None,
        "controls": "\x00\x1f\x7f\u2028\U0001f600",
    }[what]


def give_long(size):
    return "x" * size


def noise(text):
    import os
    import subprocess
    import sys

    print(text + " print")
    sys.stdout.buffer.write((text + " buffer\n").encode())
    sys.stdout.flush()
    os.write(1, (text + " write\n").encode())
    sys.stderr.write(text + " stderr\n")
    subprocess.run(["/bin/sh", "-c", "echo %s child" % text], check=True)
    print(text + " \ud800")


def listen():
    """What called code and its children find on stdin."""
    import os
    import subprocess
    import sys

    child = subprocess.run(["/bin/cat"], stdout=subprocess.PIPE, check=True)
    return {"fd": os.read(0, 10).decode(), "text": sys.stdin.read(), "child": child.stdout.decode()}


def print_open(text):
    """Prints without a line's end, says so, and sleeps."""
    import sys
    import time

    print(text, end="")
    print("begun", file=sys.stderr)
    time.sleep(1e6)


def others_on_cpu_ns():
    """CPU time of all threads but the one that calls."""
    import os
    import threading

    total = 0
    for thread in os.listdir("/proc/self/task"):
        if int(thread) != threading.get_native_id():
            with open("/proc/self/task/%s/schedstat" % thread) as schedstat:
                total += int(schedstat.read().split()[0])
    return total


def sleep():
    import sys
    import time

    print("begun", file=sys.stderr)
    time.sleep(1e6)


def burn():
    import sys

    print("begun", file=sys.stderr)
    while True:
        pass


def flood():
    """Blocks in a print, holding the lock of the stream that it prints to."""
    import sys

    print("begun", file=sys.stderr)
    while True:
        print("x" * 100000)


def linger():
    """Leaves a thread and an exit handler, both of which would never end."""
    import atexit
    import threading
    import time

    threading.Thread(target=time.sleep, args=(1e6,)).start()
    atexit.register(time.sleep, 1e6)


def fork_and_stay():
    """The pid of a forked child that never ends by itself."""
    import os
    import signal

    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    return pid


def fork_and_return():
    """Both sides return to the main loop; the exit status of the child."""
    import os

    pid = os.fork()
    if pid == 0:
        return "the child"
    return os.WEXITSTATUS(os.waitpid(pid, 0)[1])


def spawn_and_stay():
    """The pid of a child that was given every fd that may be inherited."""
    import subprocess

    return subprocess.Popen(["/bin/sleep", "1000000"], close_fds=False).pid


def threads(count):
    """Threads that have used some CPU and ended."""
    import threading

    def work():
        for _ in range(100000):
            pass

    many = [threading.Thread(target=work) for _ in range(count)]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
