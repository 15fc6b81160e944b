package judge

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// lost is a run without a miss after which one of two workers was held, while so
// many threads of others wanted a CPU.
func lostOne(t *testing.T, after float64) Case {
	c := world{always(100 * ms), always(90 * ms), always(100 * ms), always(90 * ms)}.on(t)
	c.Run = timeline(t, "size 2\ndeadline 300\n0 open\n0 opened\n0 arrive c1\n0 send w1 c1\n100 recv w1 c1\n100 return c1\n100 probing\n2000 probed n=1\n2001 close\n2001 closed")
	e := &scenario.Environment{Cores: 2, Rivals: []scenario.Rival{{}}, Load: []scenario.Bucket{{Span: 100 * ms}, {At: 100 * ms, Span: 2 * time.Second}}}
	if after > 0 {
		e.Load[1].Load = []scenario.Load{{Threads: 9, Runnable: after, CPU: 0.5}}
	}
	e.Further = []scenario.Span{{Demand: scenario.Demand{Wait: time.Hour}}} // while faults hurt starts
	met := *e                                                               // without what came after the workload
	e.Starts = []scenario.Span{{Begin: 200 * ms, End: 300 * ms}}
	c.Run.Environment, c.Met.Replay = e, &met
	return c
}

func TestCapacityIsJudgedLiveWhereTheTimeAfterLayInsideTheContract(t *testing.T) {
	replayed := func(n string) func(c *Case) {
		return func(c *Case) {
			c.Probe = func(sc scenario.Scenario) (*scenario.Record, error) {
				if e := sc.Replay; len(e.Further) > 0 || len(e.Starts) != 1 {
					t.Errorf("faults that have stopped hurt starts in its replay: %+v, %+v", e.Starts, e.Further)
				}
				if load := sc.Replay.Load; len(load) != 2 || len(load[1].Load) > 0 || load[1].At != 100*ms {
					t.Errorf("it is replayed under %+v", load)
				}
				return timeline(t, "size 2\n0 open\n0 opened\n0 arrive c1\n1 return c1\n1 probing\n2 probed n="+n), nil
			}
		}
	}
	for name, x := range map[string]struct {
		after  float64
		change func(c *Case)
		word   scenario.Word
		tells  string
	}{
		"nobody else was there":           {0, nil, scenario.Architectural, "capacity lost for good: after the run no more than 1 calls were held at once, the size is 2"},
		"hardly anybody":                  {0.1, nil, scenario.Architectural, "capacity lost for good"},
		"others were, and it comes again": {3, replayed("2"), scenario.Sound, "all 1 calls were answered within 300 ms, the last after 100 ms; in the replay it has its capacity again"},
		"others were, and it never comes": {3, replayed("1"), scenario.Architectural, "capacity lost for good: after the run no more than 1 calls were held at once, the size is 2, in a replay in which nobody else wants a CPU then"},
		"a core was stolen, and it comes again": {0, func(c *Case) {
			c.Run.Environment.Load[1].Stolen = 1
			replayed("2")(c)
		}, scenario.Sound, "in the replay it has its capacity again"},
		"one was, that the contract does not have": {0, func(c *Case) {
			c.Run.Environment.Cores, c.Run.Environment.Load[1].Stolen = c.Met.Contract.Cores+1, 1
		}, scenario.Architectural, "capacity lost for good"},
		"others were, and nobody can tell": {3, func(c *Case) { c.Probe = func(scenario.Scenario) (*scenario.Record, error) { return nil, errNone } }, scenario.Inconclusive, "capacity lost for good"},
	} {
		c := lostOne(t, x.after)
		if x.change != nil {
			x.change(&c)
		}
		if v := Judge(c); v.Word != x.word || !strings.Contains(v.Reason, x.tells) {
			t.Errorf("%s: %s: %s\nwant %s: %s", name, v.Word, v.Reason, x.word, x.tells)
		}
	}
}

func TestAStopIsJudgedLiveWhereTheTimeAfterLayInsideTheContract(t *testing.T) {
	const run = "size 2\ndeadline 300\n0 open\n0 opened\n0 arrive c1\n0 send w1 c1\n100 recv w1 c1\n100 return c1\n"
	replayed := func(took, held string) func(scenario.Scenario) (*scenario.Record, error) {
		return func(scenario.Scenario) (*scenario.Record, error) {
			return timeline(t, run+"100 probing\n101 probed n="+held+"\n102 close\n"+took+" closed"), nil
		}
	}
	for name, x := range map[string]struct {
		story string
		after float64
		probe func(scenario.Scenario) (*scenario.Record, error)
		word  scenario.Word
		tells string
	}{
		"nobody else was there":               {"2000 probed n=2\n2001 close\n9000 closed", 0, nil, scenario.Architectural, "a stop that took too long: it took 7.00 s, and 5 are enough"},
		"others were, and it comes to an end": {"2000 probed n=2\n2001 close\n9000 closed", 3, replayed("103", "2"), scenario.Sound, "; in the replay it stops in time"},
		"others were, and it takes as long":   {"2000 probed n=2\n2001 close\n9000 closed", 3, replayed("9000", "2"), scenario.Architectural, "it took 8.90 s, and 5 are enough, in a replay in which"},
		"capacity was lost, too":              {"2000 probed n=1\n2001 close\n9000 closed", 3, replayed("103", "2"), scenario.Sound, "; in the replay it has its capacity again, and stops in time"},
		"and stays lost":                      {"2000 probed n=1\n2001 close\n9000 closed", 3, replayed("103", "1"), scenario.Architectural, "capacity lost for good"},
		"nobody can tell":                     {"2000 probed n=2\n2001 close\n9000 closed", 3, func(scenario.Scenario) (*scenario.Record, error) { return nil, errNone }, scenario.Inconclusive, "a stop that took too long"},
		"others excuse no error":              {"2000 probed n=2\n2001 close\n2002 closed err=no", 3, nil, scenario.Architectural, "a stop that failed: no"},
	} {
		c := lostOne(t, x.after)
		c.Run.Events = timeline(t, run+"100 probing\n"+x.story).Events
		c.Probe = x.probe
		if v := Judge(c); v.Word != x.word || !strings.Contains(v.Reason, x.tells) {
			t.Errorf("%s: %s: %s\nwant %s: %s", name, v.Word, v.Reason, x.word, x.tells)
		}
	}
}

// A start that had been hurt asks for five seconds, and there is one to recover.
func TestAStartThatIsUnderWayIsWaitedFor(t *testing.T) {
	for name, x := range map[string]struct {
		asks time.Duration
		word scenario.Word
	}{"longer than there is time": {5 * time.Second, scenario.Sound}, "not as long": {900 * ms, scenario.Architectural}} {
		c := lostOne(t, 0)
		c.Met.Recovery = time.Second
		c.Run.Environment.Starts = []scenario.Span{{Begin: 0, End: 2 * time.Second, Cut: true, Demand: scenario.Demand{Wait: x.asks}}}
		c.Probe = func(sc scenario.Scenario) (*scenario.Record, error) {
			if sc.Recovery != time.Second+x.asks {
				t.Errorf("%s: it is given %v to recover", name, sc.Recovery)
			}
			return timeline(t, "size 2\n0 open\n0 opened\n0 arrive c1\n1 return c1\n1 probing\n2 probed n=2"), nil
		}
		if v := Judge(c); v.Word != x.word {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}

func TestAMuteStartExcusesNoMoreThanItsOwnPlaceAndOnlyWhereAFaultMadeItSo(t *testing.T) {
	made := scenario.Event{Kind: scenario.Fault, Fault: "never-says-hello", Worker: "u1"}
	for name, x := range map[string]struct {
		timeout time.Duration
		size    int
		allowed int // mute starts, by the contract
		fault   scenario.Event
		word    scenario.Word
	}{
		"nothing ends it":                  {0, 2, 0, made, scenario.Sound},
		"nor is it all that is lost":       {0, 3, 0, made, scenario.Architectural},
		"the contract has such":            {0, 2, 1, made, scenario.Architectural},
		"it is ended, and the pool is not": {9 * time.Second, 2, 0, made, scenario.Architectural},
		"perhaps the pool never read":      {0, 2, 0, scenario.Event{Kind: scenario.Launched, Worker: "u1"}, scenario.Inconclusive},
		"perhaps, but there is more":       {0, 3, 0, scenario.Event{Kind: scenario.Launched, Worker: "u1"}, scenario.Architectural},
		"another was made to":              {0, 2, 0, scenario.Event{Kind: scenario.Fault, Fault: "never-says-hello", Worker: "u0"}, scenario.Inconclusive},
		"the fault was another":            {0, 2, 0, scenario.Event{Kind: scenario.Fault, Fault: "slow-start", Worker: "u1"}, scenario.Inconclusive},
	} {
		c := lostOne(t, 3)
		contract := *c.Met.Contract
		contract.Mute, contract.Start.Wait = x.allowed, time.Second
		c.Met.Contract, c.Met.Config.StartTimeout, c.Run.Size = &contract, x.timeout, x.size
		c.Run.Environment.Starts = []scenario.Span{{Begin: 0, End: ms}, {Worker: 1, Begin: 0, End: 2 * time.Second, Cut: true, Mute: true, Demand: scenario.Demand{Wait: 1900 * ms}}}
		launches := []scenario.Event{{Kind: scenario.Launch, Worker: "u0"}, {Kind: scenario.Launch, Worker: "u1"}, x.fault}
		c.Run.Events = append(launches, c.Run.Events...)
		c.Probe = func(sc scenario.Scenario) (*scenario.Record, error) {
			if want := c.Met.Recovery + cmp.Or(x.timeout, 2*time.Minute); sc.Recovery != want {
				t.Errorf("%s: it is given %v to recover, want %v", name, sc.Recovery, want)
			}
			return timeline(t, "size 3\n0 open\n0 opened\n0 arrive c1\n1 return c1\n1 probing\n2 probed n=1"), nil
		}
		if v := Judge(c); v.Word != x.word {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}

// Nobody knows whether what was stolen lengthened the start; the pool heals in time if it
// took a tenth of a second less, or the half of it.
func TestAStartDuringWhichCPUWasStolenConvictsNobodyThatWaitsForIt(t *testing.T) {
	for name, x := range map[string]struct {
		stolen, least float64 // cores, and how much of them the start must be without
		asks          *scenario.Demand
		word          scenario.Word
	}{
		"it was stolen from it":            {1, 0.1, nil, scenario.Inconclusive},
		"less was":                         {0.5, 0.1, nil, scenario.Architectural},
		"nothing was":                      {0, 0.1, nil, scenario.Architectural},
		"half of it is enough":             {0.5, 0.05, nil, scenario.Inconclusive},
		"what the start asks for is known": {1, 0.1, &scenario.Demand{Wait: 150 * ms, CPU: 150 * ms}, scenario.Architectural},
	} {
		c := lostOne(t, 3)
		span := scenario.Span{Begin: 200 * ms, End: 300 * ms, Demand: scenario.Demand{CPU: 150 * ms, Wait: 150 * ms}, Engine: 120 * ms, Asks: x.asks}
		c.Run.Environment.Starts = []scenario.Span{span}
		c.Run.Environment.Load[1].Stolen = x.stolen
		c.Probe = func(sc scenario.Scenario) (*scenario.Record, error) {
			held, most := "1", 150*ms-time.Duration(x.least*float64(time.Second))
			if s := sc.Replay.Starts[0]; s.CPU <= most && s.Wait <= most && s.Engine <= s.Wait {
				held = "2"
			}
			return timeline(t, "size 2\n0 open\n0 opened\n0 arrive c1\n1 return c1\n1 probing\n2 probed n="+held), nil
		}
		if v := Judge(c); v.Word != x.word {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
		if c.Run.Environment.Starts[0] != span {
			t.Errorf("%s: the run's own record was changed", name)
		}
	}
}

// The second start had not ended when the run did, and nobody knows what it asks for.
func TestAStartOfWhichNobodySawTheEndConvictsNobodyThatWaitsForIt(t *testing.T) {
	for name, x := range map[string]struct {
		end     time.Duration // of that start; the workload's is at 100 ms
		asks    *scenario.Demand
		timeout time.Duration
		fault   string
		heals   bool // once it asks for no more than another
		word    scenario.Word
	}{
		"the pool heals with another":              {2 * time.Second, nil, 9 * time.Second, "", true, scenario.Inconclusive},
		"nor with another":                         {2 * time.Second, nil, 9 * time.Second, "", false, scenario.Architectural},
		"one that is not ended, and there is more": {2 * time.Second, nil, 0, "", true, scenario.Inconclusive},
		"what it asks for is known":                {2 * time.Second, &scenario.Demand{Wait: 3 * time.Second}, 9 * time.Second, "", true, scenario.Architectural},
		"the pool cut it short":                    {1900 * ms, nil, 9 * time.Second, "", true, scenario.Architectural},
		"it has a late stop as well":               {2 * time.Second, nil, 9 * time.Second, "stop", true, scenario.Architectural},
		"a fault kept its hello":                   {2 * time.Second, nil, 9 * time.Second, "never-says-hello", true, scenario.Architectural},
	} {
		c := lostOne(t, 3)
		c.Met.Config.StartTimeout, c.Run.Size = x.timeout, 3
		cut := scenario.Span{Worker: 1, Begin: 50 * ms, End: x.end, Cut: true, Mute: true, Asks: x.asks, Demand: scenario.Demand{Wait: 1900 * ms}, Engine: ms}
		c.Run.Environment.Starts = []scenario.Span{{Begin: 0, End: ms, Demand: scenario.Demand{Wait: ms}}, cut}
		launches := []scenario.Event{{Kind: scenario.Launch, Worker: "u0"}, {Kind: scenario.Launch, Worker: "u1"}}
		if x.fault == "never-says-hello" {
			launches = append(launches, scenario.Event{Kind: scenario.Fault, Fault: x.fault, Worker: "u1"})
		}
		c.Run.Events = append(launches, c.Run.Events...)
		c.Probe = func(sc scenario.Scenario) (*scenario.Record, error) {
			held := "1"
			if s := sc.Replay.Starts[1]; s.Demand == (scenario.Demand{}) && s.Engine == 0 && s.Cut && x.heals {
				held = "3"
			}
			if recovery := c.Met.Recovery + cmp.Or(x.timeout, 2*time.Minute); held == "3" && sc.Recovery != recovery+ms { // there is time for another
				t.Errorf("%s: it is given %v to recover", name, sc.Recovery)
			}
			story := "size 3\n0 open\n0 opened\n0 arrive c1\n1 return c1\n1 probing\n2 probed n=" + held
			if x.fault == "stop" && held == "1" {
				story += "\n3 close\n9000 closed"
			}
			return timeline(t, story), nil
		}
		if v := Judge(c); v.Word != x.word {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
		if c.Run.Environment.Starts[1] != cut {
			t.Errorf("%s: the run's own record was changed", name)
		}
	}
}
