package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// What is noticeable in a recording, in cores on average.
const (
	unseenMost = 0.1
	stolenMost = 0.05
	rivalLeast = 0.1 // runnable threads of others, below which nobody competes
)

// Doubts says, each in a sentence, why a replay of the environment would prove
// nothing whatever came out: what competed was not seen, or can't be told apart.
func (e *Environment) Doubts() (doubts []string) {
	doubt := func(format string, args ...any) { doubts = append(doubts, fmt.Sprintf(format, args...)) }
	for _, w := range e.Workers {
		if n := max(w.Processes, w.Threads); n > 1 && e.competed(w.Path) {
			doubt("%d threads of the run's own shared the group %s, and others competed with it", n, path(w.Path))
			break
		}
	}
	doubts = append(doubts, e.Hidden()...)
	for _, g := range e.Gaps {
		if g.Kind != GapLate { // it was seen, if only roughly
			doubt("the recording has a gap: %s", g.Text)
		}
	}
	return doubts
}

// Hidden says, each in a sentence, what took CPU from the run without being seen at
// it, where that is noticeable.
func (e *Environment) Hidden() (said []string) {
	var unseen, stolen mean
	for _, b := range e.Load {
		unseen.add(b.Unseen, b.Span)
		stolen.add(b.Stolen, b.Span)
	}
	if u := unseen.value(); u > unseenMost {
		said = append(said, fmt.Sprintf("%.2f cores were used by nobody who was seen", u))
	}
	if s := stolen.value(); s > stolenMost {
		said = append(said, fmt.Sprintf("%.2f cores were stolen from the machine", s))
	}
	return said
}

// HiddenUntil is how much CPU was taken up to then by nobody who was seen, the
// hypervisor included.
func (e *Environment) HiddenUntil(at time.Duration) time.Duration {
	seconds := 0.0
	for _, b := range e.Load {
		seconds += (b.Unseen + b.Stolen) * max(0, min(b.Span, at-b.At)).Seconds()
	}
	return time.Duration(max(0, seconds) * float64(time.Second))
}

// StolenWithin is how much CPU was stolen from the machine from one moment to another.
func (e *Environment) StolenWithin(from, to time.Duration) time.Duration {
	seconds := 0.0
	for _, b := range e.Load {
		seconds += b.Stolen * max(0, min(to, b.At+b.Span)-max(from, b.At)).Seconds()
	}
	return time.Duration(seconds * float64(time.Second))
}

// Outside says, each in a sentence, who else wanted the CPUs while the run was
// on, this program apart. It is nil on a machine that does nothing else.
func (e *Environment) Outside() (said []string) {
	if n := e.wanted(func(r Rival) bool { return !r.Harness }); n > rivalLeast {
		said = append(said, fmt.Sprintf("%.2f threads of others ran or waited for a CPU", n))
	}
	return append(said, e.Hidden()...)
}

// competed says whether anybody outside a group wanted a CPU.
func (e *Environment) competed(group []Group) bool {
	return e.wanted(func(r Rival) bool { return path(r.Path) != path(group) }) > rivalLeast
}

// wanted is how many threads of such rivals ran or waited for a CPU, on average.
func (e *Environment) wanted(by func(Rival) bool) float64 {
	var others mean
	for _, b := range e.Load {
		sum := 0.0
		for _, l := range b.Load {
			if by(e.Rivals[l.Rival]) {
				sum += l.Runnable
			}
		}
		others.add(sum, b.Span)
	}
	return others.value()
}

// How near the model of cores must come to what was recorded, and to how much
// of it.
const (
	NearTime  = 50 * time.Millisecond
	NearShare = 0.15
	nearMost  = 0.9 // of the spans
	TieShare  = 0.1 // of the deadline: nearer to it a model can't tell
)

// Doubts says why the replay proves nothing: the model of cores did not come to
// what was recorded, though it was told when everything began.
func (c *Comparison) Doubts() []string {
	off := c.Off(NearTime, NearShare)
	if n := len(c.Spans); float64(n-len(off)) < nearMost*float64(n) {
		worst := slices.MaxFunc(off, func(a, b SpanPair) int { return int(max(-1, min(1, a.Off().Abs()-b.Off().Abs()))) })
		return []string{fmt.Sprintf("the model of cores comes to %d of %d spans alone; %s took %.3f s, by the model %.3f", n-len(off), n, worst.What, worst.Recorded.Seconds(), worst.Replayed.Seconds())}
	}
	return nil
}

// Who says, each in a sentence, who was served otherwise than in the recording:
// which calls missed the deadline, unless that was a near tie, and how many had an
// answer.
func (c *Comparison) Who() (differences []string) {
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	for _, p := range c.Calls {
		if p.Missed[0] == p.Missed[1] || c.Tie(p, TieShare) {
			continue
		}
		where := "the recording"
		if p.Missed[1] {
			where = "the replay"
		}
		differ("%s missed its deadline of %.3f s in %s alone: it took %.3f s, and %.3f s in the replay", p.ID, c.Deadline.Seconds(), where, p.Took.Recorded.Seconds(), p.Took.Replayed.Seconds())
	}
	recorded, replayed := c.served()
	if a, b := len(recorded), len(replayed); a != b && !slices.ContainsFunc(c.Calls, func(p CallPair) bool { return c.Tie(p, TieShare) }) {
		differ("%d calls were served, %d in the replay", a, b)
	}
	return differences
}

// When says, each in a sentence, which of the served calls took another time than
// in the recording. It may be off by NearTime or NearShare, and by what the model
// of cores was off on the spans of that call's own path: what it was off elsewhere
// excuses nothing.
func (c *Comparison) When() (differences []string) {
	recorded, replayed := c.served()
	for i := range min(len(recorded), len(replayed)) {
		p := Pair{recorded[i].Took.Recorded, replayed[i]}
		model := time.Duration(0)
		for _, s := range c.Path(recorded[i]) {
			model += s.Off().Abs()
		}
		if p.Off().Abs() > max(NearTime, time.Duration(NearShare*float64(p.Recorded)))+model {
			differences = append(differences, fmt.Sprintf("the served call number %d took %.3f s, %.3f s in the replay", i+1, p.Recorded.Seconds(), p.Replayed.Seconds()))
		}
	}
	return differences
}

// served are the calls that had a right answer in the recording, and the times
// of those that had one in the replay, the quickest first.
func (c *Comparison) served() (recorded []CallPair, replayed []time.Duration) {
	for _, p := range c.Calls {
		if p.Served[0] {
			recorded = append(recorded, p)
		}
		if p.Served[1] {
			replayed = append(replayed, p.Took.Replayed)
		}
	}
	slices.SortStableFunc(recorded, func(a, b CallPair) int { return cmp.Compare(a.Took.Recorded, b.Took.Recorded) })
	slices.Sort(replayed)
	return recorded, replayed
}
