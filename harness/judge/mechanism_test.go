package judge

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// show is a path, a segment a line.
func show(path []scenario.Segment) string {
	var lines []string
	for _, g := range path {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d-%d %s [%s]", g.From/ms, g.To/ms, g.What, g.On)))
	}
	return strings.Join(lines, "\n")
}

func pathOf(t *testing.T, r *scenario.Record, call string) []scenario.Segment {
	t.Helper()
	for _, c := range r.Calls() {
		if c.ID == call {
			return path(r, c)
		}
	}
	t.Fatalf("there is no call %s", call)
	return nil
}

func TestWhatACallsTimeWentTo(t *testing.T) {
	for name, c := range map[string]struct{ story, want string }{
		"executing": {`
			0 open
			0 launch w1
			0 ready w1
			0 opened
			10 arrive c1
			10 send w1 c1
			50 recv w1 c1
			50 return c1`, `
			10-50 executing [w1]`},
		"behind a start, of which nothing is known": {`
			0 open
			0 opened
			10 arrive c1
			10 launch w1
			11 launched w1
			110 ready w1
			110 send w1 c1
			120 recv w1 c1
			120 return c1`, `
			10-110 queued behind the start of a worker [w1]
			110-120 executing [w1]`},
		"behind a start that computes, waits for a CPU, and waits": {`
			0 open
			0 opened
			10 arrive c1
			10 launch w1
			110 ready w1 cpu=30 delay=20
			110 send w1 c1
			120 recv w1 c1
			120 return c1`, `
			10-40 queued behind a start that computes [w1]
			40-60 queued behind a start that waits for a CPU [w1]
			60-110 queued behind the start of a worker [w1]
			110-120 executing [w1]`},
		"behind the second half of a start": {`
			0 open
			0 opened
			10 launch w1
			60 arrive c1
			110 ready w1 cpu=60 delay=40
			110 send w1 c1
			120 recv w1 c1
			120 return c1`, `
			60-90 queued behind a start that computes [w1]
			90-110 queued behind a start that waits for a CPU [w1]
			110-120 executing [w1]`},
		"behind a start with more CPU time than time": {`
			0 open
			0 opened
			10 arrive c1
			10 launch w1
			110 ready w1 cpu=80 delay=150
			110 send w1 c1
			120 recv w1 c1
			120 return c1`, `
			10-90 queued behind a start that computes [w1]
			90-110 queued behind a start that waits for a CPU [w1]
			110-120 executing [w1]`},
		"behind a start that never was": {`
			0 open
			0 opened
			10 arrive c1
			10 launch w1
			110 exit w1 cpu=50
			120 return c1 err=no_worker`, `
			10-110 queued behind the start of a worker [w1]
			110-120 no worker was there and none was started []`},
		"behind one start after another": {`
			0 open
			0 opened
			10 arrive c1
			10 launch w1
			40 ready w1
			40 send w1 c2
			50 launch w2
			80 ready w2
			80 send w2 c1
			90 recv w2 c1
			90 return c1`, `
			10-40 queued behind the start of a worker [w1]
			40-50 queued behind other calls [w1]
			50-80 queued behind the start of a worker [w2]
			80-90 executing [w2]`},
		"behind other calls": {`
			0 open
			0 launch w1
			0 ready w1
			0 opened
			5 send w1 c2
			10 arrive c1
			40 recv w1 c2
			40 send w1 c3
			70 recv w1 c3
			70 send w1 c1
			90 recv w1 c1
			90 return c1`, `
			10-70 queued behind other calls [w1]
			70-90 executing [w1]`},
		"behind a probe": {`
			0 open
			0 launch w1
			0 ready w1
			0 opened
			5 send w1 probe1
			10 arrive c1
			90 return c1 err=gave_up`, `
			10-90 queued behind other calls [w1]`},
		"an idle worker that is not given": {`
			0 open
			0 launch w1
			0 launch w2
			0 ready w1
			0 opened
			5 send w1 c2
			10 arrive c1
			40 recv w1 c2
			70 send w1 c1
			90 recv w1 c1
			90 return c1`, `
			10-40 queued behind the start of a worker [w2]
			40-70 an idle worker was free but not given [w1]
			70-90 executing [w1]`},
		"the pool opens": {`
			0 open
			0 arrive c1
			20 launch w1
			60 ready w1
			80 opened
			90 send w1 c1
			95 recv w1 c1
			95 return c1`, `
			0-20 waiting for the pool to open []
			20-60 queued behind the start of a worker [w1]
			60-80 waiting for the pool to open []
			80-90 an idle worker was free but not given [w1]
			90-95 executing [w1]`},
		"nobody is started": {`
			0 open
			0 opened
			10 arrive c1
			50 launch w1
			51 launched w1 err=no_python
			90 return c1 err=gave_up`, `
			10-50 no worker was there and none was started []
			50-51 queued behind the start of a worker [w1]
			51-90 no worker was there and none was started []`},
		"answered, but not handed over": {`
			0 open
			0 launch w1
			0 ready w1
			0 opened
			10 arrive c1
			10 send w1 c1
			50 recv w1 c1
			60 send w1 c2
			80 return c1`, `
			10-50 executing [w1]
			50-80 answered by the worker but not yet handed over []`},
		"a worker that dies in mid-call": {`
			0 open
			0 launch w1
			0 launch w2
			0 ready w1
			0 ready w2
			0 opened
			10 arrive c1
			10 send w1 c1
			50 exit w1
			70 send w2 c1
			80 recv w2 c1
			80 return c1`, `
			10-50 executing [w1]
			50-70 an idle worker was free but not given [w2]
			70-80 executing [w2]`},
		"a frame that did not go out": {`
			0 open
			0 launch w1
			0 launch w2
			0 ready w1
			0 ready w2
			0 opened
			10 arrive c1
			10 send w1 c1
			20 send w1 c1 err=gone
			30 send w2 c1
			80 recv w2 c1
			80 return c1`, `
			10-20 executing [w1]
			20-30 an idle worker was free but not given [w1]
			30-80 executing [w2]`},
		"refused at once": {`
			0 open
			0 launch w1
			0 ready w1
			0 opened
			10 arrive c1
			10 return c1 err=full`, `
			10-10 refused by the pool []`},
		"answered at once": {`
			0 open
			0 opened
			10 arrive c1
			10 return c1`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			got := show(pathOf(t, timeline(t, c.story), "c1"))
			if want := strings.ReplaceAll(strings.TrimSpace(c.want), "\t", ""); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTheMechanismIsWhatTheLatestCallHadMostOfInExcessOfTheReference(t *testing.T) {
	run := timeline(t, `
		0 open
		0 opened
		0 go
		0 arrive c1
		0 arrive c2
		0 launch w1
		200 ready w1
		200 send w1 c1
		350 recv w1 c1
		350 return c1
		500 send w1 c2
		1000 recv w1 c2
		1000 return c2`)
	for name, c := range map[string]struct{ reference, want, told string }{
		// c2 of the run: behind the start 200, behind calls 150, idle not given 150, executing 500.
		"the reference executes as long": {`
			0 open
			0 opened
			0 arrive c2
			0 send w9 c2
			0 launch w1
			0 ready w1
			0 send w1 c2
			280 recv w1 c2
			280 return c2`, executing, "500 ms"},
		"the reference executes longer": {`
			0 open
			0 opened
			0 arrive c1
			0 arrive c2
			0 launch w1
			0 ready w1
			0 send w1 c1
			100 recv w1 c1
			100 return c1
			0 launch w2
			0 ready w2
			0 send w2 c2
			299 recv w2 c2
			299 return c2`, executing, "500 ms"},
		"the reference starts as long": {`
			deadline 900
			0 open
			0 opened
			0 arrive c2
			0 launch w1
			190 ready w1
			190 send w1 c2
			600 recv w1 c2
			600 return c2`, idleNotGiven, "150 ms of its time on this: an idle worker was free but not given (w1)"},
		"the reference never waits": {`
			deadline 900
			0 open
			0 opened
			0 arrive c2
			0 launch w1
			0 ready w1
			0 send w1 c2
			500 recv w1 c2
			500 return c2`, behindStart, "200 ms of its time on this: queued behind the start of a worker (w1)"},
	} {
		t.Run(name, func(t *testing.T) {
			run := *run
			run.Deadline = 700 * ms
			v := tried(&run, timeline(t, c.reference))
			if v.Word != scenario.Architectural || v.Mechanism != c.want || !strings.Contains(v.Reason, c.told) {
				t.Errorf("%s: %q: %s\nwant %q: %s", v.Word, v.Mechanism, v.Reason, c.want, c.told)
			}
			if got := show(v.Path); !strings.HasPrefix(got, "0-200 ") {
				t.Errorf("the path is another call's:\n%s", got)
			}
		})
	}
}

func TestAStepMoreThanTheReferenceTakesIsNoMechanism(t *testing.T) {
	mine := []scenario.Segment{{What: nobodyStarted, From: 0, To: time.Microsecond}, {What: executing, On: "w1", From: time.Microsecond, To: 10 * ms}}
	ideal := []scenario.Segment{{What: executing, On: "w1", From: 0, To: 10 * ms}}
	if what := mechanism(mine, ideal); what != "" {
		t.Errorf("got %q, want nothing", what)
	}
	mine[0].To = ms
	if what := mechanism(mine, ideal); what != nobodyStarted {
		t.Errorf("got %q of what lasts 1 ms, want %q", what, nobodyStarted)
	}
}

func TestTheMechanismIsSoughtInTheLatestOfTheCallsThatMissed(t *testing.T) {
	for name, c := range map[string]struct{ story, want string }{
		"of those that missed the latest": {"50 return c1\n400 return c2\n500 return c3", "c3"},
		"an error is a miss":              {"50 return c1 err=no\n200 return c2\n210 return c3", "c1"},
		"of none that missed the latest":  {"50 return c1\n60 return c2\n55 return c3", "c2"},
		"excused calls say nothing":       {"50 return c1\n400 return c2 excused\n55 return c3", "c3"},
		"all are excused":                 {"50 return c1 excused\n400 return c2 excused\n55 return c3 excused", ""},
	} {
		r := timeline(t, "0 arrive c1\n0 arrive c2\n0 arrive c3", c.story)
		if got := latest(r.Calls()).ID; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAMechanismIsToldWithTheWorkerThatMostOfItHungOn(t *testing.T) {
	v := tried(timeline(t, `
		0 open
		0 opened
		0 arrive c1
		0 launch w1
		100 exit w1
		100 launch w2
		300 exit w2
		300 launch w3
		350 exit w3
		400 return c1 err=no_worker`), timeline(t, `
		0 arrive c1
		1 return c1`))
	const want = "the latest call spent 350 ms of its time on this: queued behind the start of a worker (w2 and 2 more)"
	if !strings.HasSuffix(v.Reason, want) {
		t.Errorf("got  %s\nwant %s", v.Reason, want)
	}
}

// kinds are all that a call's time can go to.
var kinds = []string{openingPool, behindStart, startOnCPU, startForCPU, behindCalls, idleNotGiven, nobodyStarted, executing, afterReply, answeredError}

// random is a record in which anything may have happened, in any order.
func random(draw *rand.Rand) *scenario.Record {
	r := &scenario.Record{Subject: "random", Size: 1 + draw.IntN(3), Overflow: draw.IntN(2), Deadline: time.Duration(draw.IntN(300)) * ms, Late: time.Duration(draw.IntN(20)) * ms}
	events := []scenario.Kind{
		scenario.Open, scenario.Opened, scenario.Warming, scenario.Warmed, scenario.Go, scenario.Arrive, scenario.Begin, scenario.Return, scenario.ClientDied,
		scenario.Launch, scenario.Launched, scenario.Send, scenario.Recv, scenario.Ready, scenario.Exit, scenario.Probing, scenario.Probed, scenario.Close, scenario.Closed, scenario.Left,
		scenario.Launch, scenario.Ready, scenario.Send, scenario.Recv, // more of what matters
	}
	at := time.Duration(0)
	chance := func(n int) bool { return draw.IntN(n) == 0 }
	for range draw.IntN(60) {
		at += time.Duration(draw.IntN(20)) * ms / 3
		e := scenario.Event{
			At: at, Kind: events[draw.IntN(len(events))], N: draw.IntN(4),
			OnCPU: time.Duration(draw.IntN(20)) * ms, Delay: time.Duration(draw.IntN(20)) * ms,
		}
		if !chance(3) {
			e.Worker = fmt.Sprintf("w%d", 1+draw.IntN(4))
		}
		if !chance(3) {
			e.Call = fmt.Sprintf("c%d", 1+draw.IntN(5))
			e.Probe = chance(10)
		}
		if chance(6) {
			e.Err = "no"
		}
		e.Lost, e.Wrong, e.Excused = chance(30), chance(30), chance(10)
		r.Events = append(r.Events, e)
	}
	if chance(2) { // give each call an end
		for _, c := range r.Calls() {
			if c.Ended < 0 {
				at += time.Duration(draw.IntN(9)) * ms
				r.Events = append(r.Events, scenario.Event{At: at, Kind: scenario.Return, Call: c.ID})
			}
		}
	}
	return r
}

func TestThePiecesOfACallsTimeLieEndToEnd(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(1000) {
		r := random(rand.New(rand.NewPCG(seed, 1)))
		for _, c := range r.Calls() {
			at := c.Arrived
			pieces := path(r, c)
			for i, g := range pieces {
				if g.From != at || g.To < g.From || g.To == g.From && g.What != answeredError {
					t.Fatalf("seed %d, call %s: piece %d is from %v to %v, the one before ended at %v", seed, c.ID, i, g.From, g.To, at)
				}
				if !slices.Contains(kinds, g.What) {
					t.Fatalf("seed %d, call %s: what is %q?", seed, c.ID, g.What)
				}
				if i > 0 && g.What == pieces[i-1].What && g.On == pieces[i-1].On && g.What != startOnCPU && g.What != startForCPU {
					t.Fatalf("seed %d, call %s: piece %d is of the same kind as the one before", seed, c.ID, i)
				}
				seen[g.What]++
				at = g.To
			}
			if c.Ended > c.Arrived && at != c.Ended {
				t.Fatalf("seed %d, call %s: the pieces end at %v, it ended at %v", seed, c.ID, at, c.Ended)
			}
			if c.Ended < 0 && len(pieces) > 0 {
				t.Fatalf("seed %d, call %s never ended and has a path", seed, c.ID)
			}
		}
	}
	for _, k := range kinds {
		if seen[k] == 0 {
			t.Errorf("no record showed: %s", k)
		}
	}
}

func TestAnyRecordIsJudgedAndAlwaysTheSame(t *testing.T) {
	words := map[scenario.Word]int{}
	for seed := range uint64(1000) {
		draw := rand.New(rand.NewPCG(seed, 2))
		run := random(draw)
		var reference *scenario.Record
		if draw.IntN(2) == 0 {
			reference = random(draw)
		}
		v := tried(run, reference)
		words[v.Word]++
		if again := tried(run, reference); !reflect.DeepEqual(v, again) {
			t.Fatalf("seed %d: %+v, and then %+v", seed, v, again)
		}
		switch {
		case v.Reason == "":
			t.Fatalf("seed %d: %s without a reason", seed, v.Word)
		case len(v.Safety) > 0 && v.Word != scenario.Architectural:
			t.Fatalf("seed %d: %s, though %q", seed, v.Word, v.Safety)
		case v.Word == scenario.Sound && run.Misses() > 0:
			t.Fatalf("seed %d: sound with %d misses", seed, run.Misses())
		case v.Word == scenario.Architectural && len(v.Safety) == 0 && (reference == nil || reference.Misses() > 0 || run.Misses() == 0):
			t.Fatalf("seed %d: architectural without a ground: %s", seed, v.Reason)
		case v.Mechanism != "" && !slices.Contains(kinds, v.Mechanism):
			t.Fatalf("seed %d: what is %q?", seed, v.Mechanism)
		}
		if v.Mechanism != "" {
			var best outcome
			if reference != nil && run.Misses() > 0 {
				best = count(Ideal{Calls: reference.Calls()}, run.Deadline)
			}
			mine, ideal := totals(v.Path), totals(unavoidable(v.Path, best))
			for _, k := range kinds {
				if mine[k]-ideal[k] > mine[v.Mechanism]-ideal[v.Mechanism] {
					t.Fatalf("seed %d: the mechanism is %q, but more in excess is %q", seed, v.Mechanism, k)
				}
			}
		}
		left := *run
		left.Events = append(slices.Clone(run.Events), scenario.Event{Kind: scenario.Left, Text: "a process"})
		if v := tried(&left, reference); v.Word != scenario.Architectural {
			t.Fatalf("seed %d: something is left, and yet %s", seed, v.Word)
		}
	}
	for _, w := range []scenario.Word{scenario.Sound, scenario.Architectural, scenario.Inconclusive} {
		if words[w] == 0 {
			t.Errorf("no record was %s: %v", w, words)
		}
	}
}
