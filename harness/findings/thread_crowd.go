package findings

import (
	"cmp"
	"os"
	"strconv"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var threadCrowd = Finding{
	ID:         "thread-crowd",
	Claim:      "so many workers as there are cores keep these busy",
	Source:     snakepit,
	Truth:      "a numeric library in each worker has a thread for each core: 63 more in each, told that there are 64",
	Kind:       "figure",
	Worlds:     []string{"process"},
	Unmodelled: "a model has no threads",
	Cases: func(u Unit) []Case {
		code := strings.ReplaceAll(crowd, "MOST", strconv.Itoa(threadsMost()))
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: at(u.Waits, []float64{0, 0}, "call", map[string]any{"function": "builtins:exec", "args": []any{code, map[string]any{}}}),
			Deadline: times(3, u.Waits), // it is not about time
		}, u.Waits, "boots",
			trial{"", subject.Snakepit(), with(subject.Crowds), "", Accept{Told: "a library has started 63 threads"}},
			trial{"libraries are told", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}

// threadsMost is how many threads a library may compute in: one, unless this program's
// environment says otherwise, as it may of workers.
func threadsMost() int {
	n, _ := strconv.Atoi(os.Getenv("OMP_NUM_THREADS"))
	return cmp.Or(n, 1)
}

// crowd has a library compute, and fails if that has started more threads than it may.
// The library is GNU's OpenMP, which many that compute have in them; where there is none
// it is a stand-in that asks what that asks.
const crowd = `
import ctypes, os, threading
def threads():
    return len(os.listdir("/proc/self/task"))
before = threads()
try:
    openmp = ctypes.CDLL("libgomp.so.1")
    openmp.GOMP_parallel(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None), None, 0, 0)
except OSError:
    for _ in range(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count()) - 1):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
started = threads() - before
if started + 1 > MOST:
    raise RuntimeError("a library has started %d threads" % started)
`
