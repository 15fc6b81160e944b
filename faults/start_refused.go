package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(StartRefused{}, func(*rand.Rand) Fault { return StartRefused{} })
}

// StartRefused has a worker not be launched at all, for a reason that the launcher gives
// at once: no more processes, no image, a name that is taken. With By, in containers, the
// engine itself is asked for what it must refuse, and a model does the same as it would.
// With threads an engine may let the container begin: then the worker ends, with status 1,
// as its Python gets no thread.
//
// It fires when the launch is refused, or the worker has ended so. It can be used in every
// world: what can be launched is told to the pool by the harness. With By it can't in that
// of processes, which no engine launches.
type StartRefused struct {
	By     Refusal `yaml:"by,omitempty"`     // what the engine refuses it for: image (it has none of that name), name (another container has it) or threads (the limit is one, and a start takes more); "": the harness does
	Reason string  `yaml:"reason,omitempty"` // what the harness says; "": resource temporarily unavailable
}

// A Refusal is what an engine refuses a launch for.
type Refusal string

// The refusals.
const (
	NoImage   Refusal = "image"
	NameTaken Refusal = "name"
	NoThreads Refusal = "threads"
)

// wouldSay is what a model says of them.
var wouldSay = map[Refusal]string{NoImage: "no such image", NameTaken: "the name is in use by another container", NoThreads: ""}

// endsThreadless is how a worker ends that gets no thread.
var endsThreadless = worker.Exit{Code: 1}

// Name implements Fault.
func (StartRefused) Name() string { return "start-refused" }

// Check implements Fault.
func (f StartRefused) Check() error {
	_, known := wouldSay[f.By]
	switch {
	case f.By == "":
		return nil
	case !known:
		return fmt.Errorf("by is %q: it must be %s, %s or %s", f.By, NoImage, NameTaken, NoThreads)
	case f.Reason != "":
		return fmt.Errorf("reason is %q, but by is %s: an engine has words of its own", f.Reason, f.By)
	}
	return nil
}

func (f StartRefused) refuses() (Refusal, error) {
	return f.By, errors.New("refused by a fault: " + or(f.Reason, or(wouldSay[f.By], "resource temporarily unavailable")))
}

// refused says whether it was this that refused a launch. Who was called off was not.
func (f StartRefused) refused(err error) bool {
	by, says := f.refuses()
	return err.Error() == says.Error() || by != "" && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// Needs implements Needy.
func (f StartRefused) Needs(r Real) error {
	if f.By == "" {
		return nil
	}
	return r.CanRefuse(f.By)
}

// Model implements StartFault.
func (f StartRefused) Model(p *model.Profile, _ *rand.Rand) {
	switch {
	case f.By == NoThreads:
		p.DieAtHello = &endsThreadless
	case p.Refuse == nil: // else another does
		_, p.Refuse = f.refuses()
	}
}

// Real implements StartFault: there is nobody to be told.
func (StartRefused) Real(*rand.Rand) []string { return nil }

// Fired implements StartFault: of one that was not launched there is no port at which it
// could be seen.
func (f StartRefused) Fired(s Sign) bool {
	return f.By == NoThreads && s.Seen == Gone && !s.Ready && s.Exit == endsThreadless
}
