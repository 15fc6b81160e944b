"""What workers of other pools did as they began, and those of ours do when a harness
asks for it: see --habit."""

import posix
from time import sleep

_MANY = b"64"  # as many threads as a large machine has cores


def begin(habits):
    """Before anything else: none of it can be had later."""
    if "scatters" in habits:
        posix.register_at_fork(after_in_child=posix.setsid)
    if "crowds" in habits:
        for name in (b"OMP_NUM_THREADS", b"OPENBLAS_NUM_THREADS", b"MKL_NUM_THREADS"):
            posix.putenv(name, _MANY)  # for C
            posix.environ[name] = _MANY  # for Python, which has not read it yet
    if "wrapped" in habits:
        wrapper = posix.getpid()
        child = posix.fork()
        if child:
            while "scatters" in habits and posix.getsid(child) != child:  # before the group is ended
                sleep(0.001)
            posix._exit(0)
        while posix.getppid() == wrapper:  # a worker ends with its parent: see life.py
            sleep(0.001)
