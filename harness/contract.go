package harness

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/butfor/butfor/ci"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/outside"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// Contract is that of ci/contract.yaml, which holds for every scenario without
// one of its own.
func Contract() scenario.Contract { return projects() }

var projects = sync.OnceValue(func() scenario.Contract {
	c, err := scenario.ParseContract(ci.Contract)
	if err != nil {
		panic(err) // it is part of the program
	}
	return c
})

// Measure holds this machine, as it is now, against a contract: a check for each
// line that a machine can break, ok or note. It starts a few workers, and watches
// the load from outside for two seconds. When ctx ends it gives what it has by
// then.
func Measure(ctx context.Context, c scenario.Contract) (checks []Check) {
	checks = append(checks, enough(c))
	for _, look := range []func(context.Context, scenario.Contract) []Check{bareStarts, load} {
		found := look(ctx, c)
		if ctx.Err() != nil { // what it found is the interruption's
			return checks
		}
		checks = append(checks, found...)
	}
	return checks
}

// against is a check of a line of the contract.
func against(name string, beyond bool, format string, args ...any) Check {
	if beyond {
		return note(name, "beyond the contract: a miss here may be excused by it", format, args...)
	}
	return ok(name, format, args...)
}

func enough(c scenario.Contract) Check {
	usable := min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) // which honours a quota
	return against("cores", float64(usable) < c.Cores, "%d, the contract has %.2g at least", usable, c.Cores)
}

// bareStarts measures what starts ask for that import nothing: the most of five.
func bareStarts(ctx context.Context, c scenario.Contract) []Check {
	most, slowest, err := bareStart(ctx)
	if err != nil {
		return []Check{missing("starts", "nothing runs without them", "no worker starts: %v", err)}
	}
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	return []Check{
		against("start, CPU", most.CPU > c.Start.CPU, "%.0f ms of a bare one, the contract has %.0f ms at most", ms(most.CPU), ms(c.Start.CPU)),
		against("start, wait", most.Wait > c.Start.Wait, "%.0f ms of a bare one, the contract has %.0f ms at most", ms(most.Wait), ms(c.Start.Wait)),
		against("recovery", slowest > c.Recovery, "a start takes %.0f ms, the contract has a pool recover within %.0f ms", ms(slowest), ms(c.Recovery)),
	}
}

// OwnStart is the CPU that a real worker's start takes here by itself, asked for
// nothing: the most of a few.
func OwnStart(ctx context.Context) (time.Duration, error) {
	most, _, err := bareStart(ctx)
	return most.CPU, err
}

// bareStart is what starts take that are asked for nothing: the most of a few, and
// the slowest's time.
func bareStart(ctx context.Context) (most scenario.Demand, slowest time.Duration, err error) {
	for i := range 5 {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		w, err := worker.Start(ctx, &process.Launcher{}, fmt.Sprintf("bare%d", i+1))
		cancel()
		if err != nil {
			return most, slowest, err
		}
		info := w.Port.Info()
		w.Port.Kill()
		<-w.Port.Done()
		most.CPU = max(most.CPU, info.CPU)
		most.Wait = max(most.Wait, w.StartedIn-info.CPU-info.RunDelay)
		slowest = max(slowest, w.StartedIn)
	}
	return most, slowest, nil
}

// loadWatched is how long the load from outside is watched.
const loadWatched = 2 * time.Second

func load(ctx context.Context, c scenario.Contract) []Check {
	const name = "outside load"
	r, err := outside.Start("BUTFOR_DOCTOR=no worker") // nobody is of a run: all are outside
	if err != nil {
		return []Check{note(name, "runs can't be judged by their environment", "not known: %v", err)}
	}
	watched := sleep(ctx, loadWatched)
	e := r.Stop()
	if !watched {
		return nil
	}
	wanted, stolen := e.Wanted()
	return []Check{
		against(name, wanted > c.Outside, "%.2f threads on average, the contract has %.2g at most", wanted, c.Outside),
		against("stolen cores", e.Cores-stolen < c.Cores && stolen > 0.05, "%.2f, of %.2g", stolen, e.Cores),
	}
}
