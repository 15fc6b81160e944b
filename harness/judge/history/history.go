// Package history checks what the callers of a pool saw against what a pool
// promises them, in whatever order the machine let their steps happen: a history
// is legal if its steps can be put in one line, each within the span in which it
// happened, such that a pool that does one thing at a time would have kept its
// promise. The checker is porcupine's; here is the model of a pool.
//
//	c1 asks, gets w1            c1 gives w1 back
//	   c2 asks ...................................... gets w1
//	      c3 asks, gives up
//
// Who makes the histories, of which pool and in which world, belongs elsewhere.
package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A Step is one thing that happened between a pool and a caller, at one instant
// from From to To, both included.
type Step struct {
	Kind     Kind
	Who      string // the check-out that it belongs to: whoever asks again is another
	Worker   string
	Session  string        // for which it is; "": none
	Value    string        // that was written, or read
	From, To time.Duration // since the run began
}

// A Kind says what a step is.
type Kind int

// The steps of a check-out, and the end of a worker. To ask and to get are two
// steps, also where nobody has to wait: else nothing could be said of the order
// in the line. And what is done in a session, on a worker in hand.
const (
	Ask   Kind = iota // Who joins the line
	Get               // Who leaves it with Worker
	Quit              // Who leaves it with nothing
	Put               // Who gives Worker back
	Drop              // Who gives Worker back, and it must not be handed out again
	End               // Worker is no more, and the pool has noticed
	Lost              // Who leaves the line because Session is lost
	Write             // Who leaves Value behind in Session
	Read              // Who finds Value in Session; "" if nothing
	Over              // Session ends, while nobody is at it; its name may be used again
	Told              // all workers that were given to it have been told so, and lie idle if nobody has them
)

// A Promise is what a pool keeps to.
//
// Always: a worker is in one hand, and only a worker that lives is given out;
// only who asked gets one, and once; nobody goes away with nothing while a worker
// that came back lies idle, if it is of use to who asked. And what a session finds
// on a worker is what it left there itself, since it was opened.
type Promise struct {
	// Strict says that a session that has written or read stays with its worker:
	// those who ask for it wait for that, and others may pass them. It is lost
	// only if the worker is no more.
	Strict bool

	// Most is how many living workers may be out at once. 0: any number.
	Most int
	// InOrder says that whoever joined the line first is served first.
	//
	// That is the order in which the pool let callers into the line, not that of
	// their calls: of two whose Asks overlap either may be the first. And it is
	// the order in which the pool gave, not that in which callers came to know:
	// of two whose Gets overlap either may run first. One that has quit is
	// passed over; its Quit must not begin before its time was over, else one
	// that was overtaken and then gave up would go unseen.
	InOrder bool
}

// Check says why a history is illegal, if it is.
func Check(p Promise, steps []Step) error {
	operations := make([]porcupine.Operation, len(steps))
	for i, s := range steps {
		operations[i] = porcupine.Operation{ClientId: i, Input: s, Call: int64(s.From), Return: int64(s.To)}
	}
	m := p.model()
	result, info := porcupine.CheckOperationsVerbose(m, operations, 0)
	if result == porcupine.Ok {
		return nil
	}
	why := p.explain(steps, longest(info.PartialLinearizations()))
	if unordered := (Promise{Most: p.Most, Strict: p.Strict}); p.InOrder && Check(unordered, steps) == nil {
		why += "; but for the order in the line it would be legal"
	}
	return fmt.Errorf("no order of the %d steps keeps the promise: %s", len(steps), why)
}

// longest is a line that goes as far as any does.
func longest(partial [][][]int) (longest []int) {
	for _, line := range slices.Concat(partial...) {
		if len(line) > len(longest) {
			longest = line
		}
	}
	return longest
}

// explain tells how far a line of the steps goes, and why none can be next.
func (p Promise) explain(steps []Step, line []int) string {
	state := pool{}
	for _, i := range line {
		state, _ = p.next(state, steps[i])
	}
	var left []Step
	for i, s := range steps {
		if !slices.Contains(line, i) {
			left = append(left, s)
		}
	}
	soonest := slices.MinFunc(left, func(a, b Step) int { return cmp.Compare(a.To, b.To) }).To
	var why []string
	for _, s := range left {
		if s.From > soonest {
			continue // another comes before it
		}
		if _, refusal := p.next(state, s); refusal != "" {
			why = append(why, fmt.Sprintf("%v: %s", s, refusal))
		}
	}
	return fmt.Sprintf("after %d of them, with %s, %s", len(line), state, strings.Join(why, "; "))
}

func (s Step) String() string {
	var does string
	switch s.Kind {
	case Ask:
		does = s.Who + " asks"
	case Get:
		does = s.Who + " gets " + s.Worker
	case Quit:
		does = s.Who + " gives up"
	case Put:
		does = s.Who + " gives " + s.Worker + " back"
	case Drop:
		does = s.Who + " gives " + s.Worker + " back for good"
	case End:
		does = s.Worker + " ends"
	case Lost:
		does = s.Who + " is told of the loss"
	case Write:
		does = fmt.Sprintf("%s writes %q on %s", s.Who, s.Value, s.Worker)
	case Read:
		does = fmt.Sprintf("%s reads %q on %s", s.Who, s.Value, s.Worker)
	case Over:
		does = "it ends"
	case Told:
		does = "all know of its end"
	}
	if s.Session != "" {
		does = "in " + s.Session + " " + does
	}
	if s.From == s.To {
		return fmt.Sprintf("%s at %v", does, s.From)
	}
	return fmt.Sprintf("%s between %v and %v", does, s.From, s.To)
}
