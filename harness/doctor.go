package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	images "github.com/butfor/butfor/python"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// A Check is one thing that Examine looked at.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, note, missing
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do, and what is skipped until then
}

// Examine says what this machine can do for the lab. It starts a few workers
// to take the cost of a start, and changes nothing. When ctx ends it gives what
// it has by then.
func Examine(ctx context.Context) (checks []Check) {
	for _, look := range []func(context.Context) Check{cores, quota, pressure, stolen, autogroup, python, shim, compiler, docker} {
		c := look(ctx)
		if ctx.Err() != nil { // what it found is the interruption's
			return checks
		}
		checks = append(checks, c)
	}
	return checks
}

func ok(name, format string, args ...any) Check {
	return Check{Name: name, Status: "ok", Found: fmt.Sprintf(format, args...)}
}

func note(name, advice, format string, args ...any) Check {
	return Check{Name: name, Status: "note", Found: fmt.Sprintf(format, args...), Advice: advice}
}

func missing(name, advice, format string, args ...any) Check {
	return Check{Name: name, Status: "missing", Found: fmt.Sprintf(format, args...), Advice: advice}
}

func cores(context.Context) Check {
	n, usable := runtime.NumCPU(), runtime.GOMAXPROCS(0)
	if usable < 2 {
		return note("cores", "starts that compute can't be told apart from starts one after another on a single core", "%d, of which this program uses %d", n, usable)
	}
	return ok("cores", "%d, of which this program uses %d", n, usable)
}

// quota reads the CPU quota of the cgroup in which we run, as far as it shows
// from inside.
func quota(context.Context) Check {
	const name = "CPU quota"
	h, err := process.FindHierarchy()
	if err != nil || h.Dir == "" {
		return note(name, "", "not known: no cgroup CPU controller is mounted here")
	}
	budget, period, limited := strings.Cut(h.Quota(h.Dir), " ")
	if !limited || budget == "max" || budget == "-1" {
		return ok(name, "none")
	}
	return quotaOf(name, budget, period)
}

func quotaOf(name, quota, period string) Check {
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || p == 0 {
		return note(name, "", "not understood: %s of %s", quota, period)
	}
	return note(name, "starts that compute are throttled in bursts of 100 ms", "%.2f cores", q/p)
}

func pressure(context.Context) Check {
	const name = "CPU pressure"
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return note(name, "", "not known: %v", err)
	}
	psi, err := fs.PSIStatsForResource("cpu")
	if err != nil || psi.Some == nil {
		return note(name, "the kernel was built or booted without PSI", "not known")
	}
	if psi.Some.Avg10 > 20 {
		return note(name, "something else wants the CPU: figures will be off, verdicts may be inconclusive", "%.0f %% of the last 10 s somebody waited for a CPU", psi.Some.Avg10)
	}
	return ok(name, "%.0f %% of the last 10 s somebody waited for a CPU", psi.Some.Avg10)
}

// stolen looks for a second how much the hypervisor takes.
func stolen(ctx context.Context) Check {
	const name = "stolen time"
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return note(name, "", "not known: %v", err)
	}
	before, err := fs.Stat()
	if err != nil {
		return note(name, "", "not known: %v", err)
	}
	const span = time.Second
	if !sleep(ctx, span) {
		return note(name, "", "not measured: interrupted")
	}
	after, err := fs.Stat()
	if err != nil {
		return note(name, "", "not known: %v", err)
	}
	took := (after.CPUTotal.Steal - before.CPUTotal.Steal) / span.Seconds()
	if took > 0.05 {
		return note(name, "the hypervisor takes cores away: figures will be off", "%.2f cores", took)
	}
	return ok(name, "%.2f cores", took)
}

func autogroup(context.Context) Check {
	const name = "autogroup"
	b, err := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	if err != nil || strings.TrimSpace(string(b)) != "1" {
		return note(name, "all workers share the CPU as one group with this program", "off: sessions are not scheduling groups")
	}
	return ok(name, "on: each worker's session is a scheduling group")
}

func python(ctx context.Context) Check {
	const name = "python3"
	found, err := process.Find(ctx, "python3")
	if err != nil {
		return missing(name, "install Python 3.9 or newer (Debian: apt-get install python3); nothing runs without it", "%v", err)
	}
	took, err := startCost(ctx)
	if err != nil {
		return missing(name, "nothing runs without it", "%s does not start as a worker: %v", found.Path, err)
	}
	return ok(name, "%s, %.0f ms from launch to hello", found.Path, float64(took)/1e6)
}

// startCost is the median of five bare starts.
func startCost(ctx context.Context) (time.Duration, error) {
	var took []time.Duration
	for i := range 5 {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		w, err := worker.Start(ctx, &process.Launcher{}, fmt.Sprintf("doctor%d", i+1))
		cancel()
		if err != nil {
			return 0, err
		}
		w.Port.Kill()
		<-w.Port.Done()
		took = append(took, w.StartedIn)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func shim(ctx context.Context) Check {
	const name = "shim"
	found, err := process.Find(ctx, "python3")
	if err != nil {
		return note(name, "", "not known: there is no python3")
	}
	if found.Shim == "" {
		return ok(name, "none: python3 in PATH is the interpreter itself")
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = exec.CommandContext(ctx, found.Shim, "-S", "-E", "-c", "").Run()
	through := time.Since(begin)
	begin = time.Now()
	err2 := exec.CommandContext(ctx, found.Path, "-S", "-E", "-c", "").Run()
	direct := time.Since(begin)
	if err != nil || err2 != nil {
		return note(name, "", "%s, in front of %s", found.Shim, found.Path)
	}
	return note(name, "workers are started with the interpreter behind it; name it yourself where you set Launcher.Python",
		"python3 in PATH is the script %s, which costs %.0f ms a start", found.Shim, float64(through-direct)/1e6)
}

func compiler(context.Context) Check {
	for _, cc := range []string{os.Getenv("CC"), "cc", "gcc", "clang"} {
		if cc == "" {
			continue
		}
		if path, err := exec.LookPath(cc); err == nil {
			return ok("C compiler", "%s", path)
		}
	}
	return missing("C compiler", "tests run without -race until there is one (Debian: apt-get install gcc libc6-dev)", "none")
}

// docker asks the engine for its version over its socket, and for the workers' image.
func docker(ctx context.Context) Check {
	const name = "Docker"
	socket := "/var/run/docker.sock"
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		path, isUnix := strings.CutPrefix(host, "unix://")
		if !isUnix {
			return note(name, "", "DOCKER_HOST is %s: not looked at", host)
		}
		socket = path
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	ask := func(path string) (status int, api string, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine"+path, nil)
		if err != nil {
			return 0, "", err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, "", err
		}
		return response.StatusCode, response.Header.Get("Api-Version"), response.Body.Close()
	}
	const advice = "only world container needs it: on Debian, apt-get install docker.io, then make image"
	_, api, err := ask("/_ping")
	if errors.Is(err, os.ErrPermission) {
		return note(name, "for world container become a member of the group docker, or root", "you may not use the engine at %s", socket)
	}
	if err != nil {
		return note(name, advice, "no engine answers at %s", socket)
	}
	status, _, err := ask("/images/" + images.ImageSource().Name + "/json")
	switch {
	case err != nil:
		return note(name, "", "an engine answers at %s (API %s); of its images it says: %v", socket, api, err)
	case status != http.StatusOK:
		return note(name, "for world container: make image", "an engine answers at %s (API %s), and has no image %s", socket, api, images.ImageSource().Name)
	}
	return ok(name, "an engine answers at %s (API %s), and has the image %s", socket, api, images.ImageSource().Name)
}
