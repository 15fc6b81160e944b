package dspex

import (
	"context"
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// V1 is the first pool, with its own two bugs repaired (see DiesOnFirstSuccess
// and DoubleUnwrap), as all rows of the findings but theirs have it.
func V1() subject.Subject { return New("V1", First) }

// V2Seed is the pool that the two reports speak of.
func V2Seed() subject.Subject { return New("V2-seed", Seed) }

// V2P3 is V2 with states of workers, a circuit breaker and retries.
func V2P3() subject.Subject { return New("V2-P3", Phase3) }

// V2Last is V2 as it was last, with all its fixes.
func V2Last() subject.Subject { return New("V2-last", Last) }

// V3 is what replaced V2.
func V3() subject.Subject { return New("V3", Third) }

// A Version is a pool as it was at one time.
type Version string

const (
	First  Version = "V1"
	Seed   Version = "V2-seed"
	Phase3 Version = "V2-P3"
	Last   Version = "V2-last"
	Third  Version = "V3"
)

// preset is a version: how it was built, which switches mean something to it,
// and which of them are on.
type preset struct {
	open   func(context.Context, worker.Launcher, subject.Config, switches) (subject.Pool, error)
	on, of []Switch
}

// Every pool upon NimblePool has the first of these, and knows the others; V2 has
// more of both.
var (
	ofAll    = []Switch{StdoutNoise, SilentFrames}
	ofNimble = slices.Concat(ofAll, []Switch{HotRestart, SessionIsolation, HealthCheckConstant})
	knownTo1 = []Switch{
		DeafStart, RequeueSpin, SpinsForReal, PrewarmLeaks, RollingDeadline, StartThenKill, GiveUpCrashesPool, IllegalReturn, AliveGuard, ReadySignal, LongLivedWorkers,
		PortHandedBack, SlowGoodbye, ShutdownIgnored, StopRace, OrphanSpin,
	}
	ofV2     = slices.Concat(ofNimble, []Switch{RollingDeadline, StartThenKill, AliveGuard, ReadySignal, LongLivedWorkers, TableOwnerDies, SessionLeak, SessionListing, ConfigNeverRead})
	knownTo2 = slices.Concat(knownTo1, []Switch{
		ErrorCrashesClient, WrongName, LateReply, CheckinToNowhere, CounterOverwritten, HealthBlocksPool, DegradedIsDeath, SlowStartSelfMade, PortSend, NonOwnerSend, StderrMerged,
	})
)

func (v Version) preset() (preset, error) {
	switch v {
	case First:
		return preset{
			open: openV1,
			on:   ofNimble,
			of:   slices.Concat([]Switch{DiesOnFirstSuccess, DoubleUnwrap}, knownTo1),
		}, nil
	case Seed:
		return preset{
			open: openV2,
			on:   slices.Concat(ofV2, []Switch{DeafStart, GiveUpCrashesPool, IllegalReturn, ErrorCrashesClient, WrongName}),
			of:   knownTo2,
		}, nil
	case Phase3:
		return preset{
			open: openP3,
			on: slices.Concat(ofV2, []Switch{DeafStart, InlineBreaker, BreakerNeverOpens, HalfOpenStuck, RetryAmplifies,
				HealthBlocksPool, DegradedIsDeath}),
			of: knownTo2,
		}, nil
	case Last:
		return preset{
			open: openLast,
			on:   slices.Concat(ofV2, []Switch{RequeueSpin, PrewarmLeaks, PortHandedBack, LateReply, CounterOverwritten}),
			of:   knownTo2,
		}, nil
	case Third:
		return preset{open: openV3, on: slices.Concat(ofAll, []Switch{BusyDesync, DeadInRotation, Herd, StartedIsNotReady}), of: []Switch{OrphanSpin}}, nil
	}
	return preset{}, fmt.Errorf("unknown version %q", v)
}

// Switches are those of all versions, in alphabetical order.
func Switches() (all []Switch) {
	for _, v := range []Version{First, Seed, Phase3, Last, Third} {
		p, _ := v.preset()
		all = slices.Concat(all, p.on, p.of)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// On says whether a switch is on under a Config's options, and whether the version
// knows it at all.
func (v Version) On(s Switch, options map[string]any) (on, known bool) {
	_, bugs, err := v.settings(nil, options)
	on, known = bugs[s]
	return on, known && err == nil
}

// A Change turns a switch on or off.
type Change struct {
	Switch Switch
	On     bool
}

// With is a change that brings a bug into a version.
func With(bug Switch) Change { return Change{bug, true} }

// Without is a change that takes a bug out of a version.
func Without(bug Switch) Change { return Change{bug, false} }

// New is a version with changes, as a subject of its own. Config.Options has
// the last word: {"deaf-start": false} changes one pool alone. Whatever is
// wrong with version, changes or options is Open's error.
//
// The pools read of a Config: Name, Size, Lazy, the timeouts and Options, in which V2
// may have its application's configuration, too. As in
// the original nobody reads Overflow and QueueLimit, and StartConcurrency only V3
// without its herd.
func New(name string, v Version, changes ...Change) subject.Subject {
	open := func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		preset, bugs, err := v.settings(changes, cfg.Options)
		if err == nil && cfg.Size <= 0 {
			err = fmt.Errorf("size %d, want at least 1", cfg.Size)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if cfg.Name == "" {
			cfg.Name = name
		}
		if err := bugs.configure(&cfg); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return preset.open(ctx, l, cfg, bugs)
	}
	return subject.Subject{Name: name, Open: open}
}

func (v Version) settings(changes []Change, options map[string]any) (preset, switches, error) {
	p, err := v.preset()
	if err != nil {
		return p, nil, err
	}
	bugs := switches{}
	for _, bug := range p.of {
		bugs[bug] = false
	}
	for _, bug := range p.on {
		bugs[bug] = true
	}
	return p, bugs, bugs.apply(changes, options)
}
