package faults

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(SlowStart{}, func(lots *rand.Rand) Fault {
		f := SlowStart{CPU: tens(lots, 0, 500), Wait: tens(lots, 1, 500), Tail: []Tail{None, None, Pareto, LogNormal}[lots.IntN(4)]}
		return f
	})
}

// SlowStart has a worker take longer before it reads its first frame. First it
// computes, as a slow import does, then it waits, as for a disk or a licence
// server; both on top of what the scenario's own starts ask for. The starts of one
// plan may be slowed by a set time, or by one that is drawn for each: most a
// little, few a lot.
//
// It fires at the launch of each worker that it slows, and lasts until the hello.
// It can be used in every world with workers of ours.
type SlowStart struct {
	CPU  time.Duration `yaml:"cpu,omitempty"`  // CPU time more
	Wait time.Duration `yaml:"wait,omitempty"` // waiting time more
	// Tail multiplies both by a factor that is drawn for each start. With pareto it
	// is 1 or more; with lognormal below 1 as often as above. Never more than 100.
	Tail Tail `yaml:"tail,omitempty"`
	// Shape is the tail's: of pareto its exponent, the smaller the heavier, 1.5 if
	// it is 0; of lognormal the standard deviation of its logarithm, 1 if it is 0.
	Shape float64 `yaml:"shape,omitempty"`
}

// A Tail is how unlike each other slow starts are.
type Tail string

// The tails.
const (
	None      Tail = ""
	Pareto    Tail = "pareto"
	LogNormal Tail = "lognormal"
)

// Name implements Fault.
func (SlowStart) Name() string { return "slow-start" }

// Check implements Fault.
func (f SlowStart) Check() error {
	switch {
	case f.CPU < 0:
		return fmt.Errorf("cpu is %v: it can't be negative", f.CPU)
	case f.Wait < 0:
		return fmt.Errorf("wait is %v: it can't be negative", f.Wait)
	case f.CPU == 0 && f.Wait == 0:
		return errors.New("cpu and wait are 0: it would slow nothing")
	case f.CPU > mostDemand || f.Wait > mostDemand:
		return fmt.Errorf("cpu is %v and wait is %v: neither can be more than %v", f.CPU, f.Wait, mostDemand)
	case f.Tail != None && f.Tail != Pareto && f.Tail != LogNormal:
		return fmt.Errorf("tail is %q: it must be %s or %s", f.Tail, Pareto, LogNormal)
	case f.Tail == None && f.Shape != 0:
		return fmt.Errorf("shape is %v, but there is no tail", f.Shape)
	case !(f.Shape >= 0 && f.Shape <= 100):
		return fmt.Errorf("shape is %v: it must be above 0, and at most 100", f.Shape)
	}
	return nil
}

const (
	mostDemand = 24 * time.Hour
	mostFactor = 100
)

// Model implements StartFault.
func (f SlowStart) Model(p *model.Profile, lots *rand.Rand) {
	cpu, wait := f.drawn(lots)
	p.BootCPU += cpu
	p.BootWait += wait
}

// Real implements StartFault.
func (f SlowStart) Real(lots *rand.Rand) []string {
	cpu, wait := f.drawn(lots)
	return []string{"--boot-cpu", seconds(cpu), "--boot-wait", seconds(wait)}
}

// Fired implements StartFault: such a start is slow from its first moment.
func (SlowStart) Fired(s Sign) bool { return s.Seen == Launched }

// drawn is what one start asks for, to the microsecond: the last bits of a
// logarithm are not the same on every processor.
func (f SlowStart) drawn(lots *rand.Rand) (cpu, wait time.Duration) {
	factor := 1.0
	switch f.Tail {
	case Pareto:
		factor = math.Pow(1-lots.Float64(), -1/or(f.Shape, 1.5))
	case LogNormal:
		factor = math.Exp(or(f.Shape, 1) * lots.NormFloat64())
	default:
		return f.CPU, f.Wait
	}
	factor = min(factor, mostFactor)
	scaled := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * factor).Round(time.Microsecond)
	}
	return scaled(f.CPU), scaled(f.Wait)
}

// or is v, or what stands for it where it is not said.
func or[T comparable](v, unsaid T) T {
	if v == *new(T) {
		return unsaid
	}
	return v
}

// seconds is a duration as a flag of the Python worker has it.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// tens draws a duration from so many tens of milliseconds to so many
// milliseconds: round numbers, so that timers collide.
func tens(lots *rand.Rand, from, toMS int) time.Duration {
	return time.Duration(10*(from+lots.IntN(toMS/10-from+1))) * time.Millisecond
}
