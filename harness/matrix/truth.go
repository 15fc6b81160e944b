package matrix

import (
	"github.com/butfor/butfor/harness/scenario"
)

// A Truth is what is true of a case by how it was made.
type Truth string

// What a case can be. The judge is held to those that are code or environment;
// the others are reported apart.
const (
	Quiet       Truth = "quiet"        // the run did not fail
	Code        Truth = "code"         // it fails only with the bug
	Environment Truth = "environment"  // it fails without the bug, but only in the injected environment
	Either      Truth = "either"       // each of them alone makes it fail
	Anyway      Truth = "anyway"       // it fails without either, or with an environment inside the contract alone
	NotInjected Truth = "not injected" // a fault found no occasion, so the environment was not what it was to be
	Marginal    Truth = "marginal"     // it is a near tie, of the run itself or in each draw of its environment: see Clear
	Fallen      Truth = "fallen"       // a run stood still or crashed the program
)

// A Failure is how badly a run failed.
type Failure int

// The failures. An environment excuses lateness, nothing worse.
const (
	Kept   Failure = iota
	Late           // a call had no answer by its deadline
	Broken         // what lateness does not explain: see Failed
)

// Runs says how the four direct runs failed.
type Runs struct {
	Both        Failure `json:"both"`        // with the bug, in the injected environment: the run that is judged
	Bug         Failure `json:"bug"`         // with the bug alone, or with what of the environment is inside the contract
	Environment Failure `json:"environment"` // with the environment alone
	Neither     Failure `json:"neither"`
}

// Truth is what follows from the four runs: it is asked which of them fail as badly
// as the one that is judged.
func (r Runs) Truth() Truth {
	switch {
	case r.Both == Kept:
		return Quiet
	case r.Neither >= r.Both:
		return Anyway
	case r.Environment < r.Both:
		return Code
	case r.Bug >= r.Both:
		return Either
	}
	return Environment
}

// Margin is how many times longer, or shorter, a deadline may be without changing
// what is true of a case, of each run that it hangs on: more than any band in which a
// judge takes it for a tie.
const Margin = 1.25

// Draws is how many times a case's environment is drawn at most until it is clear.
const Draws = 8

// Clear says, by how many calls the pool without the bug misses in the environment
// at the deadline, at one that is shorter by the Margin, and at one that is longer,
// whether the truth would be the same there: it keeps the shorter one as well, or
// misses the longer one by nearly as many calls.
func Clear(shorter, at, longer int) bool {
	const nearly = 0.8
	if at == 0 {
		return shorter == 0
	}
	return float64(longer) >= nearly*float64(at)
}

// Failed says how a run failed, as anybody can see. It is broken if a call had
// another's answer or never came back, Close neither or it failed, something was left behind, or the
// pool never had its workers again; if a call was made twice, or on a worker that had not
// said hello; or if a worker keeps something of a session that was over.
func Failed(r *scenario.Record) Failure {
	b := bookkeeper{ready: map[string]bool{}, sent: map[string]bool{}, keeps: map[string]map[string]bool{}, over: map[string]bool{}}
	if why, _ := r.FailedStop(); why != "" {
		return Broken
	}
	for _, e := range r.Events {
		switch {
		case e.Kind == scenario.Left,
			e.Kind == scenario.Closed && e.Lost,
			e.Kind == scenario.Probed && e.N < r.Size,
			e.Kind == scenario.Return && (e.Wrong || e.Lost),
			b.broken(e):
			return Broken
		}
	}
	if r.Misses() > 0 {
		return Late
	}
	return Kept
}

// A bookkeeper follows what a pool sends to its workers.
type bookkeeper struct {
	ready map[string]bool            // workers, also once they are gone: to call one that nobody knows to have died breaks no rule
	sent  map[string]bool            // calls
	keeps map[string]map[string]bool // by worker, sessions of which it has something
	over  map[string]bool            // sessions
}

// broken says whether an event shows that the pool broke a rule.
func (b *bookkeeper) broken(e scenario.Event) bool {
	switch e.Kind {
	case scenario.Ready:
		b.ready[e.Worker] = true
	case scenario.Exit:
		delete(b.keeps, e.Worker)
	case scenario.Send:
		return b.sends(e)
	case scenario.SessionEnded:
		b.over[e.Session] = true
	case scenario.Close:
		for _, sessions := range b.keeps {
			for id := range sessions {
				if b.over[id] {
					return true
				}
			}
		}
	}
	return false
}

// sends takes note of a frame; true if it must not have been sent.
func (b *bookkeeper) sends(e scenario.Event) bool {
	if e.Err != "" { // it did not go out after all
		delete(b.sent, e.Call)
		return false
	}
	switch e.Command {
	case "put":
		if b.keeps[e.Worker] == nil {
			b.keeps[e.Worker] = map[string]bool{}
		}
		b.keeps[e.Worker][e.Session] = true
	case "cleanup_session":
		delete(b.keeps[e.Worker], e.Session)
	}
	if e.Call == "" {
		return false
	}
	again := b.sent[e.Call]
	b.sent[e.Call] = true
	return again || !b.ready[e.Worker]
}

// Injected says whether each fault did what it was to do.
func Injected(r *scenario.Record) bool {
	for _, f := range r.Faults {
		if f.Fired == 0 {
			return false
		}
	}
	return true
}

// A Class is what a failure is put down to. The zero Class abstains.
type Class string

// The classes.
const (
	Abstains   Class = ""
	CalledCode Class = "code"
	CalledEnv  Class = "environment"
)

// Called is what a verdict puts a failure down to.
func Called(w scenario.Word) Class {
	switch w {
	case scenario.Architectural, scenario.Amplified, scenario.Overdetermined:
		return CalledCode
	case scenario.Environmental:
		return CalledEnv
	}
	return Abstains
}

// An Outcome is a case that was played, and what was said of it.
type Outcome struct {
	Case
	Runs      Runs          `json:"runs"`
	Truth     Truth         `json:"truth"`
	Near      Truth         `json:"near,omitempty"` // what a marginal one that was judged would be if it were none
	Verdict   scenario.Word `json:"verdict"`
	Mechanism string        `json:"mechanism,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Judged    float64       `json:"judged_s"` // real time that the judged run and its judgement took
	Took      float64       `json:"took_s"`   // the case, with the runs that its truth and the rivals hang on
	Evidence  Evidence      `json:"evidence"`
}

// Marginal has the case be a near tie, whatever it was.
func (o *Outcome) Marginal() { o.Near, o.Truth = o.Truth, Marginal }

// Counts says whether the judge is held to the case.
func (o Outcome) Counts() bool { return o.Truth == Code || o.Truth == Environment }
