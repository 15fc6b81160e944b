"""Starts the worker. Tiny, as Python never caches the bytecode of this file."""

import sys
import time

if __name__ == "__main__":  # not again in the children of multiprocessing
    if sys.version_info < (3, 9):
        sys.exit("butfor_worker needs Python 3.9 or newer; %s is %d.%d" % ((sys.executable,) + tuple(sys.version_info[:2])))
    began_ns = time.monotonic_ns()
    if not __package__:
        # Run by its path. Python may have put this folder on sys.path, where
        # codec.py and its neighbours would shadow modules of called code; the
        # package needs its parent there, and that only until it is imported.
        if __package__ == "" or not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
            del sys.path[0]
        here = __file__.rpartition("/")[0]
        if here[:1] != "/" or not here.endswith("/butfor_worker"):  # ".", before Python 3.11
            import os.path

            here = os.path.abspath(here)
        sys.path.insert(0, here.rpartition("/")[0])
        from butfor_worker.boot import main

        del sys.path[0]
    else:
        from butfor_worker.boot import main

    main(began_ns)
