"""What a worker can say of its own run: how long it computed, and how long it
was ready to compute but had to wait for a CPU."""

from posix import O_RDONLY, close, listdir, open, read
from time import monotonic_ns, process_time_ns

_TASKS = "/proc/self/task"


class Evidence:
    """Totals since the process began, under these keys:

    on_cpu_ns     CPU time of all threads, by the process's CPU clock: it counts
                  threads that have ended, which /proc/self/task forgets, and is
                  not a scheduler tick behind
    run_delay_ns  time on a run queue, summed over /proc/self/task/*/schedstat;
                  the last known value of an ended thread stays in the sum, so
                  it never falls. Threads that began and ended between two
                  samples are not seen
    major_faults  page faults that had to read from disk
    import_ms     real time from the first line of the worker to its being
                  ready for the first frame; boot demands, which stand for slow
                  imports, are part of it, the interpreter's own start is not

    Where the system keeps no run-queue delay, none of this is offered: with a
    made-up delay of 0 a starved worker would look like a slow one.
    """

    def __init__(self, began_ns):
        self._import_ms = (monotonic_ns() - began_ns) / 1e6
        self._delay_ns = {}  # by thread, as last seen
        self._ended_ns = 0  # of threads no longer there
        self.offered = _kept()

    def sample(self):
        seen = {}
        for thread in listdir(_TASKS):
            try:
                seen[thread] = int(_text(_TASKS + "/" + thread + "/schedstat").split()[1])
            except OSError:
                pass  # it ended after it was listed
        for thread, delay_ns in self._delay_ns.items():
            if seen.get(thread, -1) < delay_ns:  # gone, or its number is another's now
                self._ended_ns += delay_ns
        self._delay_ns = seen
        return {
            "on_cpu_ns": process_time_ns(),
            "run_delay_ns": self._ended_ns + sum(seen.values()),
            "major_faults": int(_text("/proc/self/stat").rpartition(")")[2].split()[9]),
            "import_ms": self._import_ms,
        }


def _kept():
    """Says whether the kernel keeps these figures; one that was built without
    them has the files, but counts no time slice."""
    try:
        return int(_text("/proc/self/schedstat").split()[2]) > 0
    except (OSError, IndexError, ValueError):
        return False


def _text(path):
    fd = open(path, O_RDONLY)
    try:
        return read(fd, 4096).decode("ascii", "replace")
    finally:
        close(fd)
