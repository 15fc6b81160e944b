package judge

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func TestTheWordOfASquareIsTheTables(t *testing.T) {
	n := func(misses ...int) []int { return misses }
	for name, c := range map[string]struct {
		square
		word      scenario.Word
		tells     string
		code, env float64
	}{
		"the code alone":                                                 {square{n(4, 4), n(0, 0), n(4, 4), n(0, 0)}, scenario.Architectural, "", 1, 0},
		"the code, and a little the other":                               {square{n(10), n(0), n(5), n(0)}, scenario.Architectural, "", 1, 0.5},
		"some of it the code, none the other":                            {square{n(10), n(5), n(10), n(0)}, scenario.Architectural, "", 0.5, 0},
		"both, neither alone":                                            {square{n(4, 4), n(0, 0), n(0, 0), n(0, 0)}, scenario.Amplified, "", 1, 1},
		"both at the edge":                                               {square{n(10), n(2), n(2), n(0)}, scenario.Amplified, "", 0.8, 0.8},
		"the environment alone":                                          {square{n(4, 4), n(4, 4), n(0, 0), n(0, 0)}, scenario.Environmental, "", 0, 1},
		"the environment, but not always":                                {square{n(20, 20), n(20, 20), n(1, 0), n(0, 0)}, scenario.Inconclusive, "in 50 % of the replays this pool misses its deadline inside the contract as well", 0, 0.975},
		"nobody could serve all, but some more":                          {square{n(8, 8), n(6, 5), n(0, 0), n(0, 0)}, scenario.Environmental, "", 0.3125, 1},
		"somebody could, at times":                                       {square{n(8, 8, 8, 8), n(6, 6, 12, 0), n(0, 0, 0, 0), n(0, 0, 0, 0)}, scenario.Inconclusive, "neither is clear", 0.25, 1},
		"nobody could serve all, but many more":                          {square{n(8), n(5), n(0), n(0)}, scenario.Inconclusive, "neither is clear", 0.375, 1},
		"nobody could serve all, but some more, and now and then inside": {square{n(40, 40), n(30, 30), n(1, 0), n(0, 0)}, scenario.Inconclusive, "neither is clear", 0.25, 0.9875},
		"each alone":                                                     {square{n(4), n(4), n(4), n(0)}, scenario.Overdetermined, "", 0, 0},
		"neither clear":                                                  {square{n(10), n(5), n(5), n(0)}, scenario.Inconclusive, "but for the code 50 % of the misses would not have been, but for the environment 50 %", 0.5, 0.5},
		"the environment, and some the code":                             {square{n(10), n(5), n(0), n(0)}, scenario.Inconclusive, "neither is clear", 0.5, 1},
		"the environment, and some of it":                                {square{n(10), n(10), n(5), n(0)}, scenario.Inconclusive, "neither is clear", 0, 0.5},
		"nothing is missed again":                                        {square{n(0, 0), n(0, 0), n(0, 0), n(0, 0)}, scenario.Inconclusive, "in none of 2 replays", 0, 0},
		"nobody could":                                                   {square{n(4), n(4), n(4), n(1)}, scenario.Infeasible, "", 0, 0},
		"nobody could, sometimes":                                        {square{n(4, 4, 4, 4, 4), n(0, 0, 0, 0, 0), n(4, 4, 4, 4, 4), n(1, 0, 0, 0, 0)}, scenario.Architectural, "", 1, 0},
		"ideal pools miss more":                                          {square{n(2), n(4), n(2), n(0)}, scenario.Overdetermined, "", 0, 0},
	} {
		word, why := c.square.word()
		if word != c.word || !strings.Contains(why, c.tells) || (why == "") != (word != scenario.Inconclusive) {
			t.Errorf("%s: %s: %s, want %s: %s", name, word, why, c.word, c.tells)
		}
		if code, env := c.need(); math.Abs(code-c.code) > 1e-9 || math.Abs(env-c.env) > 1e-9 {
			t.Errorf("%s: need %v of the code and %v of the environment, want %v and %v", name, code, env, c.code, c.env)
		}
	}
}

// A world says how long a pool takes to serve its one caller: this one and the
// ideal ones, under what was met and inside the contract, by the seed.
type world struct {
	this, ideal, thisInside, idealInside func(seed uint64, frozen bool) time.Duration
}

func always(d time.Duration) func(uint64, bool) time.Duration {
	return func(uint64, bool) time.Duration { return d }
}

// record is a run in which the one caller is served after so long, if he waits.
func record(took time.Duration, sc scenario.Scenario) *scenario.Record {
	r := &scenario.Record{Subject: "mine", Size: 1, Cores: 2, Deadline: sc.Deadline}
	back := scenario.Event{At: min(took, sc.GivesUp()), Kind: scenario.Return, Call: "c1"}
	if took > sc.GivesUp() {
		back.Err = "gave_up"
	}
	r.Events = []scenario.Event{{Kind: scenario.Open}, {Kind: scenario.Opened}, {Kind: scenario.Arrive, Call: "c1"}, back}
	return r
}

// pick is how long a pool takes under what was met, or inside the contract.
func pick(sc scenario.Scenario, met, inside func(uint64, bool) time.Duration) time.Duration {
	if len(sc.Replay.Load) == 0 || len(sc.Replay.Load[0].Load) == 0 || sc.Replay.Load[0].Load[0].Runnable < 1 {
		met = inside
	}
	return met(sc.Seed-1000, sc.Frozen)
}

func (w world) play(sc scenario.Scenario) (*scenario.Record, error) {
	return record(pick(sc, w.this, w.thisInside), sc), nil
}

// on is a trial in a world where the deadline is 300 ms, and a hog was beside a
// contract that has hardly any.
func (w world) on(t *testing.T) Case {
	t.Helper()
	hog := &scenario.Environment{Cores: 2, Rivals: []scenario.Rival{{}}, Load: []scenario.Bucket{{Span: time.Second, Load: []scenario.Load{{Threads: 2, Runnable: 1, CPU: 1}}}}}
	contract := agreed
	contract.Outside = 0.2
	c := Case{Met: scenario.Scenario{Deadline: 300 * ms, Contract: &contract, Replay: hog, Seed: 1000}}
	c.Play = w.play
	c.Ideal = func(sc scenario.Scenario) (Ideal, error) {
		return Ideal{Name: "ideal, 2 at once", Of: 8, Calls: record(pick(sc, w.ideal, w.idealInside), sc).Calls()}, nil
	}
	c.Again = func(bool, int) (scenario.Comparison, error) {
		return scenario.Comparison{Calls: []scenario.CallPair{{ID: "c1", Missed: [2]bool{true, true}}}}, nil
	}
	c.Run = record(w.this(0, false), c.Met)
	c.Run.Environment = hog
	return c
}

func TestTheVerdictIsTheFourCells(t *testing.T) {
	for name, c := range map[string]struct {
		world
		word  scenario.Word
		tells []string
	}{
		"environmental": {world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}, scenario.Environmental,
			[]string{"others wanted up to 1.0 cores", "the best of 8 ideal pools (ideal, 2 at once) would have missed the deadline by 500 ms; inside the contract this pool has 200 ms to spare"}},
		"amplified": {world{always(900 * ms), always(200 * ms), always(150 * ms), always(90 * ms)}, scenario.Amplified,
			[]string{"1 of 1 calls missed the deadline of 300 ms", "it takes both", "serves all by 200 ms", "this pool serves all by 150 ms", "others wanted"}},
		"architectural": {world{always(900 * ms), always(200 * ms), always(600 * ms), always(90 * ms)}, scenario.Architectural,
			[]string{"under what it met the best of 8 ideal pools (ideal, 2 at once) serves all by 200 ms; inside the contract this pool misses it as well"}},
		"overdetermined": {world{always(900 * ms), always(800 * ms), always(600 * ms), always(90 * ms)}, scenario.Overdetermined,
			[]string{"inside the contract this pool misses it as well", "would have missed the deadline by 500 ms"}},
		"infeasible": {world{always(900 * ms), always(800 * ms), always(600 * ms), always(500 * ms)}, scenario.Infeasible,
			[]string{"no pool could keep that even inside the contract: the best of 8 ideal pools (ideal, 2 at once) needs 500 ms"}},
		"feasible but for one seed of eight": {world{always(900 * ms), always(200 * ms), always(600 * ms), func(seed uint64, _ bool) time.Duration {
			if seed == 3 {
				return 500 * ms
			}
			return 90 * ms
		}}, scenario.Architectural, []string{"inside the contract this pool misses it as well"}},
		"never served": {world{always(time.Hour), always(200 * ms), always(time.Hour), always(90 * ms)}, scenario.Architectural,
			[]string{"(1 got no answer: gave_up)"}},
		"a near tie of this pool, whose fault it is in any case": {world{always(900 * ms), always(200 * ms), always(290 * ms), always(90 * ms)}, scenario.Amplified,
			[]string{"it takes both", "what part the environment has in it is a near tie: architectural at 0.90 of the deadline, amplified at 1.00 of the deadline, amplified at 1.10 of the deadline"}},
		"a near tie of the ideal ones": {world{always(900 * ms), always(320 * ms), always(100 * ms), always(90 * ms)}, scenario.Inconclusive,
			[]string{"near tie: environmental at 0.90", "amplified at 1.10"}},
		"a near tie of this pool, which may be no fault of its": {world{always(900 * ms), always(800 * ms), always(290 * ms), always(90 * ms)}, scenario.Inconclusive,
			[]string{"near tie: overdetermined at 0.90 of the deadline, environmental at 1.00"}},
		"hangs on the load": {world{always(900 * ms), func(_ uint64, frozen bool) time.Duration {
			if frozen {
				return 800 * ms
			}
			return 200 * ms
		}, always(100 * ms), always(90 * ms)}, scenario.Inconclusive,
			[]string{"it hangs on whether the load from outside reacts: if so it is amplified, else: environmental"}},
		"so, where the load does not react": {world{always(900 * ms), always(800 * ms), func(seed uint64, frozen bool) time.Duration {
			if seed == 40 && frozen {
				return 900 * ms
			}
			return 100 * ms
		}, always(90 * ms)}, scenario.Inconclusive,
			[]string{"if so it is environmental, else: inconclusive"}},
		"inside the contract rarely": {world{always(900 * ms), always(800 * ms), func(seed uint64, _ bool) time.Duration {
			if seed == 40 {
				return 900 * ms
			}
			return 100 * ms
		}, always(90 * ms)}, scenario.Inconclusive,
			[]string{"in 2 % of the replays this pool misses its deadline inside the contract as well"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(c.on(t))
			if v.Word != c.word {
				t.Errorf("%s: %s, want %s", v.Word, v.Reason, c.word)
			}
			for _, s := range c.tells {
				if !strings.Contains(v.Reason, s) {
					t.Errorf("the reason lacks %q: %s", s, v.Reason)
				}
			}
			if v.Table == nil || v.Table.Winner != "ideal, 2 at once" || v.Table.Ideals != 8 || v.Table.Band != 0.1 || v.Table.This.Misses != 1 {
				t.Errorf("its table is %+v", v.Table)
			}
		})
	}
}

func TestWhereCallersWaitInAnyCaseOneReplayDoesForAllDeadlines(t *testing.T) {
	plays := 0
	on := func(w world) Case {
		c := w.on(t)
		c.Met.Patience = time.Hour
		play := c.Play
		c.Play = func(sc scenario.Scenario) (*scenario.Record, error) { plays++; return play(sc) }
		return c
	}
	for took, tells := range map[time.Duration]string{290 * ms: "near tie: overdetermined at 0.90 of the deadline, environmental at 1.00", 320 * ms: "overdetermined at 1.00 of the deadline, environmental at 1.10"} {
		if v := Judge(on(world{always(900 * ms), always(800 * ms), always(took), always(90 * ms)})); v.Word != scenario.Inconclusive || !strings.Contains(v.Reason, tells) {
			t.Errorf("%s: %s", v.Word, v.Reason)
		}
	}
	plays = 0
	if v := Judge(on(world{always(900 * ms), always(200 * ms), always(150 * ms), always(90 * ms)})); v.Word != scenario.Amplified {
		t.Errorf("%s: %s", v.Word, v.Reason)
	}
	if want := 2*2*seedsLeast + 2; plays != want { // two cells, two kinds of load, and the times
		t.Errorf("it was played %d times, want %d", plays, want)
	}
}

func TestTheTableHasSharesTimesAndEffects(t *testing.T) {
	v := Judge(world{always(900 * ms), always(200 * ms), always(150 * ms), always(90 * ms)}.on(t))
	want := scenario.Table{
		This: scenario.Cell{Misses: 1, Time: 900 * ms}, Ideal: scenario.Cell{Time: 200 * ms}, ThisInside: scenario.Cell{Time: 150 * ms}, IdealInside: scenario.Cell{Time: 90 * ms},
		NeedCode: 1, NeedEnvironment: 1, Effects: &scenario.Effects{Code: 60 * ms, Environment: 110 * ms, Both: 640 * ms},
		Margin: -600 * ms, Seeds: 8, Band: 0.1, Winner: "ideal, 2 at once", Ideals: 8,
	}
	got := *v.Table
	if *got.Effects != *want.Effects {
		t.Errorf("the effects are %+v, want %+v", *got.Effects, *want.Effects)
	}
	got.Effects = want.Effects
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if !slices.Contains(v.Evidence, scenario.Figure{Name: "ideal pools, as it was: all served", Value: 0.2, Unit: "s"}) {
		t.Errorf("the evidence lacks it: %v", v.Evidence)
	}
	if v := Judge(world{always(time.Hour), always(200 * ms), always(time.Hour), always(90 * ms)}.on(t)); v.Table.Effects != nil || v.Table.This.Time != scenario.Never || v.Table.Margin != 0 {
		t.Errorf("of who is never served: %+v", v.Table)
	}
}

// Half of the seeds miss at first, then none.
func TestMoreSeedsAreTakenWhileTheWordIsOpen(t *testing.T) {
	w := world{always(900 * ms), always(200 * ms), func(seed uint64, _ bool) time.Duration {
		if seed < 3 {
			return 900 * ms
		}
		return 100 * ms
	}, always(90 * ms)}
	v := Judge(w.on(t)) // 3 of 8: architectural; 3 of 16: amplified
	if v.Table.Seeds != 8 || v.Word != scenario.Architectural {
		t.Errorf("%s after %d seeds", v.Word, v.Table.Seeds)
	}
	w.ideal = func(seed uint64, _ bool) time.Duration {
		if seed < 4 {
			return 900 * ms
		}
		return 200 * ms
	}
	v = Judge(w.on(t)) // need_code: 4 of 8, 12 of 16, 28 of 32
	if v.Table.Seeds != 32 || v.Word != scenario.Amplified {
		t.Errorf("%s after %d seeds: %s", v.Word, v.Table.Seeds, v.Reason)
	}
}

func TestAPoolThatCannotBeReplayedIsUndecided(t *testing.T) {
	stuck := errors.New("it stood still")
	for name, c := range map[string]struct {
		ideal  time.Duration
		spoil  func(c *Case)
		word   scenario.Word
		reason string
	}{
		"not at all": {200 * ms, func(c *Case) {
			c.Again = func(bool, int) (scenario.Comparison, error) { return scenario.Comparison{}, stuck }
		}, scenario.Inconclusive, "this pool can't be replayed: it stood still"},
		"others miss":               {200 * ms, others, scenario.Inconclusive, "in none of 66 replays does this pool miss the same calls: of the 1 that came with c1 it missed 1, and 0 in the last of them"},
		"later":                     {200 * ms, func(c *Case) { c.Play = func(scenario.Scenario) (*scenario.Record, error) { return nil, stuck } }, scenario.Inconclusive, "it can't be replayed: it stood still"},
		"ideal ones keep much less": {90 * ms, others, scenario.Architectural, "whether the environment has a part in it as well can't be told: in none of 66"},
		"what it met is not known":  {200 * ms, func(c *Case) { c.Unknown = errNone }, scenario.Inconclusive, "it can't be run again: there is none"},
		"what competed was not visible": {200 * ms, func(c *Case) {
			c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
		}, scenario.Inconclusive, "the recording has a gap: somebody else's"},
		"nor is it known why it misses any": {90 * ms, func(c *Case) {
			others(c)
			c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
		}, scenario.Inconclusive, "in none of 66 replays does this pool miss the same calls: of the 1 that came with c1 it missed 1, and 0 in the last of them; the recording has a gap: somebody else's"},
		"it misses another": {90 * ms, func(c *Case) {
			others(c)
			c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
			c.Play = func(sc scenario.Scenario) (*scenario.Record, error) {
				r := record(100*ms, sc)
				r.Events = append(r.Events, scenario.Event{Kind: scenario.Arrive, Call: "c2"}, scenario.Event{At: time.Hour, Kind: scenario.Return, Call: "c2", Err: "gave_up"})
				return r, nil
			}
		}, scenario.Architectural, "whether the environment has a part in it as well can't be told: in none of 66"},
		"it misses another, as a likely order has it": {90 * ms, func(c *Case) {
			others(c)
			c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
			c.Again = func(bool, int) (scenario.Comparison, error) {
				return scenario.Comparison{Calls: []scenario.CallPair{{ID: "c1", Missed: [2]bool{true, false}}, {ID: "c2", Missed: [2]bool{false, true}}}}, nil
			}
		}, scenario.Architectural, "whether the environment has a part in it as well can't be told: in none of 66"},
		"CPU was hidden, and ideal ones keep much less": {90 * ms, func(c *Case) {
			others(c)
			c.Met.Replay.Load[0].Unseen = 0.15
		}, scenario.Architectural, "whether the environment has a part in it as well can't be told: in none of 66"},
		"which does not matter": {90 * ms, func(c *Case) {
			c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
		}, scenario.Amplified, "set aside, as ideal pools keep a third of the deadline: the recording has a gap"},
	} {
		on := world{always(900 * ms), always(c.ideal), always(150 * ms), always(50 * ms)}.on(t)
		c.spoil(&on)
		if v := Judge(on); v.Word != c.word || !strings.Contains(v.Reason, c.reason) || !strings.Contains(v.Reason, "1 of 1 calls missed") {
			t.Errorf("%s: %s: %s\nwant %s: %s", name, v.Word, v.Reason, c.word, c.reason)
		}
	}
}

// D is 300 ms, its band 30 ms before anything was hidden.
func TestWhatWasUsedUnseenDelayedNobodyByMore(t *testing.T) {
	unseen := func(cores float64) func(*scenario.Environment) {
		return func(e *scenario.Environment) { e.Load[0].Unseen = cores }
	}
	for name, c := range map[string]struct {
		this, ideal time.Duration
		change      func(e *scenario.Environment)
		word        scenario.Word
		reason      string
	}{
		"ideal ones can spare it": {900 * ms, 200 * ms, unseen(0.15), scenario.Amplified, "; set aside, as ideal pools keep 0.75 of the deadline: 0.15 cores were used by nobody who was seen"},
		"stolen as well": {900 * ms, 200 * ms, func(e *scenario.Environment) { e.Load[0].Unseen, e.Load[0].Stolen = 0.11, 0.06 }, scenario.Amplified,
			"; set aside, as ideal pools keep 0.73 of the deadline: 0.11 cores were used by nobody who was seen, 0.06 cores were stolen"},
		"ideal ones can't":             {900 * ms, 240 * ms, unseen(0.15), scenario.Inconclusive, "0.15 cores were used by nobody who was seen"},
		"too much of it":               {900 * ms, 110 * ms, unseen(0.5), scenario.Inconclusive, "0.50 cores were used by nobody who was seen"},
		"this pool lacked no more":     {350 * ms, 200 * ms, unseen(0.15), scenario.Inconclusive, "0.15 cores were used by nobody who was seen"},
		"this pool lacked a bit more":  {380 * ms, 200 * ms, unseen(0.15), scenario.Amplified, "set aside"},
		"after the last of the misses": {380 * ms, 240 * ms, later, scenario.Amplified, "set aside, as ideal pools keep 0.90 of the deadline: 0.25 cores were stolen"},
		"a gap besides": {900 * ms, 200 * ms, func(e *scenario.Environment) {
			e.Load[0].Unseen = 0.15
			e.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
		}, scenario.Inconclusive, "the recording has a gap: somebody else's"},
	} {
		on := world{always(c.this), always(c.ideal), always(150 * ms), always(50 * ms)}.on(t)
		c.change(on.Met.Replay)
		if v := Judge(on); v.Word != c.word || !strings.Contains(v.Reason, c.reason) {
			t.Errorf("%s: %s: %s\nwant %s: %s", name, v.Word, v.Reason, c.word, c.reason)
		}
	}
}

// later has half a core stolen in the second second.
func later(e *scenario.Environment) {
	e.Load = append(e.Load, scenario.Bucket{At: time.Second, Span: time.Second, Stolen: 0.5, Load: e.Load[0].Load})
}

// others spoils a case so that nothing is missed in its replays.
func others(c *Case) {
	c.Again = func(bool, int) (scenario.Comparison, error) {
		return scenario.Comparison{Calls: []scenario.CallPair{{ID: "c1", Missed: [2]bool{true, false}}}}, nil
	}
	c.Play = world{this: always(100 * ms), thisInside: always(100 * ms)}.play
}

func TestAReplayInWhichNobodyGaveUpStandsForLongerDeadlines(t *testing.T) {
	c := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}.on(t)
	played := map[time.Duration]int{}
	play := c.Play
	c.Play = func(sc scenario.Scenario) (*scenario.Record, error) {
		if r, err := play(sc); err != nil || r.Misses() > 0 || sc.Patience > 0 {
			return r, err
		}
		played[sc.Deadline]++
		return play(sc)
	}
	v := Judge(c)
	if v.Word != scenario.Environmental || v.Table.ThisInside.Misses != 0 {
		t.Fatalf("got %s: %s", v.Word, v.Reason)
	}
	if n := played[270*ms]; n != 2*seedsLeast || played[330*ms] != 0 {
		t.Errorf("kept inside the contract in %d replays at the shortest deadline and %d at the longest, want %d, of both kinds of load, and none", n, played[330*ms], 2*seedsLeast)
	}
}

func TestALoadThatDoesNotReactIsReplayedOnce(t *testing.T) {
	c := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}.on(t)
	c.Met.Replay.Load[0].Load[0] = scenario.Load{Threads: 1, Runnable: 1, CPU: 1, Busy: 1, BusyCPU: 1}
	played := map[[2]bool]int{} // inside the contract, frozen
	play := c.Play
	c.Play = func(sc scenario.Scenario) (*scenario.Record, error) {
		played[[2]bool{sc.Replay.Load[0].Load[0].Runnable < 1, sc.Frozen}]++
		return play(sc)
	}
	if v := Judge(c); v.Word != scenario.Environmental {
		t.Fatalf("got %s: %s", v.Word, v.Reason)
	}
	if played[[2]bool{false, true}] > 0 || played[[2]bool{false, false}] == 0 || played[[2]bool{true, true}] == 0 {
		t.Errorf("it was played under the load as it was met, frozen, %d times: %v", played[[2]bool{false, true}], played)
	}
}
