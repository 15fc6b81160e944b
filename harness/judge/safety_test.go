package judge

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// opened is the beginning of most stories: a pool with two workers.
const opened = `
	size 2
	0 open
	0 launch w1
	0 launch w2
	1 launched w1
	1 launched w2
	50 ready w1
	60 ready w2
	60 opened
	60 go
`

// ended is the end of most.
const ended = `
	900 probing
	901 probed n=2
	902 close
	910 exit w1
	911 exit w2
	912 closed
`

// called is a call that goes well.
const called = `
	100 arrive c1
	100 begin c1
	101 send w1 c1
	200 recv w1 c1
	200 return c1
`

// keeps is a worker that keeps something of two sessions; of a third it has failed to.
const keeps = `
	300 send w1 c7 do=put in=s1 id=3
	310 recv w1 c7 id=3
	320 send w1 c8 do=create_program in=s2 id=4
	330 recv w1 c8 id=4
	340 send w1 c9 do=put in=s3 id=5
	350 recv w1 c9 id=5 err=no
	351 send w2 do=get in=s3 id=1
	352 recv w2 id=1
	360 return c7
	360 return c8
	360 return c9
`

// Each story breaks one rule and no other, on purpose: that is known before the
// judge is asked.
var breaches = map[string]struct {
	story []string
	tells string // of the reason: the rule, and who broke it
}{
	"one worker in two hands": {[]string{opened, called, `
		300 arrive c2
		301 arrive c3
		310 send w1 c2
		311 send w1 c3
		320 recv w1 c2
		321 recv w1 c3
		330 return c2
		330 return c3`, ended}, "one worker in two hands: w1 was sent c3 while it had c2"},
	"a probe into a hand": {[]string{opened, called, `
		300 arrive c2
		310 send w1 c2
		900 probing
		901 arrive probe1
		902 send w1 probe1
		903 recv w1 c2
		904 return c2
		905 recv w1 probe1
		906 return probe1
		907 probed n=2
		908 closed`}, "one worker in two hands: w1 was sent probe1 while it had c2"},
	"used before its hello": {[]string{`
		size 2
		0 open
		0 launch w1
		1 launched w1
		2 arrive c1
		3 send w1 c1
		50 ready w1
		60 recv w1 c1
		60 return c1`, ended}, "a worker used before its hello: w1 was sent c1"},
	"made twice, on another worker": {[]string{opened, `
		100 arrive c1
		101 send w1 c1
		150 send w2 c1
		200 recv w1 c1
		201 recv w2 c1
		202 return c1`, ended}, "a call made twice: c1 went to w1 and then to w2"},
	"made twice, on the same worker": {[]string{opened, called[:strings.Index(called, "200 return")], `
		210 send w1 c1
		220 recv w1 c1
		230 return c1`, ended}, "a call made twice: c1 went to w1 and then to w1"},
	"made again after its worker died": {[]string{opened, `
		100 arrive c1
		101 send w1 c1
		150 exit w1
		160 send w2 c1
		200 recv w2 c1
		202 return c1
		901 probed n=2
		912 closed`}, "a call made twice: c1 went to w1 and then to w2"},
	"a wrong answer": {[]string{opened, `
		100 arrive c1
		101 send w1 c1
		200 recv w1 c1
		200 return c1 wrong`, ended}, "a wrong answer: c1 was given what no worker had answered to it"},
	"not the state of its session": {[]string{opened, `
		100 arrive c1 in=s1
		101 send w1 c1 in=s1
		200 recv w1 c1
		200 return c1 wrong text=found_nothing`, ended}, "not the state of its session: c1 found_nothing"},
	"state of sessions that have ended": {[]string{opened, called, keeps, `
		500 session-ending in=s1
		510 session-ended in=s1
		520 session-ended in=s2`, ended}, "state of an ended session still held: s1 on w1 and 1 more"},
	"of one that could not be ended": {[]string{opened, called, keeps, `
		510 session-ended in=s2 err=no`, ended}, "state of an ended session still held: s2 on w1"},
	"answered by a closed pool": {[]string{opened, called, ended, `
		920 arrive probe9
		921 begin probe9
		930 return probe9`}, "a call to a closed pool: probe9 was answered"},
	"kept waiting by a closed pool": {[]string{opened, called, ended, `
		920 arrive probe9
		921 begin probe9
		1921 return probe9 lost err=it_did_not_return`}, "a call kept waiting by a closed pool: probe9 did not come back"},
	"kept waiting by a pool that closed meanwhile": {[]string{opened, called, `
		900 probing
		901 probed n=2
		902 close
		903 arrive probe9
		910 exit w1
		911 exit w2
		912 closed
		1912 return probe9 lost err=it_did_not_return`}, "a call kept waiting by a closed pool: probe9 did not come back"},
	"another's answer as the pool closes": {[]string{opened, called, `
		900 probing
		901 probed n=2
		902 close
		903 arrive probe9
		904 return probe9 wrong
		910 exit w1
		911 exit w2
		912 closed`}, "a call to a closed pool: probe9 was given what no worker had answered to it"},
	"met with a crash by a closed pool": {[]string{opened, called, ended, `
		920 arrive probe9
		921 begin probe9
		922 return probe9 wrong err=panic`}, "a call to a closed pool: probe9 was met with panic"},
	"a worker begun by a closed pool": {[]string{opened, called, ended, `
		920 arrive probe9
		921 begin probe9
		922 launch w3
		923 launched w3
		924 exit w3
		930 return probe9 err=closed`}, "a worker begun by a closed pool: w3"},
	"a lost call": {[]string{opened, called, `
		300 arrive c2
		301 send w1 c2
		2900 return c2 lost err=the_call_never_came_back
		3000 probed n=2
		3010 closed`}, "a lost call: c2 did not come back"},
	"a lost probe": {[]string{opened, called, `
		900 probing
		901 arrive probe1
		902 send w1 probe1
		2900 return probe1 lost err=the_call_never_came_back
		3000 probed n=2
		3010 closed`}, "a lost call: probe1 did not come back"},
	"one more alive than allowed": {[]string{opened, called, `
		300 launch w3
		301 launched w3`, ended}, "more alive than allowed: 3 with w3, 2 are allowed"},
	"one more alive than the overflow allows": {[]string{opened, called, `
		overflow 1
		300 launch w3
		301 launched w3
		302 launch w4
		303 launched w4`, ended}, "more alive than allowed: 4 with w4, 3 are allowed"},
	"capacity lost": {[]string{opened, called, `
		900 probing
		950 probed n=1
		951 closed`}, "capacity lost for good: after the run no more than 1 calls were held at once, the size is 2"},
	"cannot be closed": {[]string{opened, called, `
		901 probed n=2
		902 close
		6902 closed lost err=Close_did_not_return`}, "a stop that took too long: Close_did_not_return"},
	"never comes back, with a call in hand": {[]string{opened, called, `
		901 arrive probe1
		902 send w1 probe1
		903 probed n=2
		904 return probe1 excused err=canceled
		905 close
		6906 closed lost err=Close_did_not_return`}, "a stop that took too long: Close_did_not_return"},
	"says that it failed to stop": {[]string{opened, called, `
		901 probed n=2
		902 close
		912 closed err=killed_one`}, "a stop that failed: killed_one"},
	"failed to stop, though it had let go of a call": {[]string{opened, called, `
		900 probing
		901 arrive probe1
		902 send w1 probe1
		903 probed n=2
		904 return probe1 excused err=canceled
		905 close
		1005 exit w1
		5906 exit w2
		5907 closed err=killed_one`}, "a stop that took too long: killed_one"},
	"failed to stop in a start": {[]string{opened, called, `
		300 exit w1
		301 launch w3
		302 launched w3
		902 close
		5903 exit w2
		5903 exit w3
		5904 closed err=killed_one`}, "a stop that took too long: killed_one"},
	"longer than supervisors wait": {[]string{opened, called, `
		901 probed n=2
		902 close
		6100 exit w1
		6100 exit w2
		6100 closed`}, "a stop that took too long: it took 5.20 s, and 5 are enough"},
	"a process is left": {[]string{opened, called, ended, `
		3000 left text=process_7`}, "left behind after Close: process_7"},
	"could not be warmed": {[]string{`
		size 2
		0 warming
		1 warmed err=panic:_boom`, opened, called, ended}, "a pool that could not be warmed: panic:_boom"},
	"two workers of one name": {[]string{opened, called, `
		overflow 1
		300 launch w1
		301 launched w1`, ended}, "two workers with one name: w1 was launched while the first lived"},
}

func TestEachBreachOfSafetyIsArchitecturalAndNamed(t *testing.T) {
	for name, c := range breaches {
		t.Run(name, func(t *testing.T) {
			v := tried(timeline(t, c.story...), nil)
			if v.Word != scenario.Architectural || !strings.Contains(v.Reason, c.tells) {
				t.Errorf("%s: %s\nwant architectural: %s", v.Word, v.Reason, c.tells)
			}
			if len(v.Safety) != 1 || !strings.HasPrefix(v.Safety[0], c.tells) {
				t.Errorf("broken: %q, want this alone: %s", v.Safety, c.tells)
			}
		})
	}
}

// What is all right, however near it comes.
func TestWhatBreaksNoRuleIsNotAccused(t *testing.T) {
	for name, story := range map[string][]string{
		"a call":  {opened, called, ended},
		"no call": {opened, ended},
		"one worker, one call after another": {opened, called, `
			300 arrive c2
			301 send w1 c2
			302 recv w1 c2
			303 return c2`, ended},
		"a worker is replaced": {opened, called, `
			300 exit w1
			301 launch w3
			302 launched w3`, ended},
		"a worker that died in mid-call is replaced": {opened, `
			100 arrive c1
			101 send w1 c1
			150 exit w1
			151 return c1 err=died
			152 launch w3
			153 launched w3
			160 ready w3
			170 arrive c2
			171 send w3 c2
			172 recv w3 c2
			173 return c2`, ended},
		"a name is used again after the end of the first": {opened, called, `
			300 exit w1
			301 launch w1
			302 launched w1
			310 ready w1
			400 arrive c2
			401 send w1 c2
			402 recv w1 c2
			403 return c2`, ended},
		"a launch that failed is no worker": {opened, called, `
			300 launch w3
			301 launched w3 err=no`, ended},
		"overflow": {opened, called, `
			overflow 1
			300 launch w3
			301 launched w3`, ended},
		"a ping by the pool's own": {opened, called, `
			300 send w1
			301 send w1
			302 recv w1`, ended},
		"an answer after its worker's end": {opened, `
			100 arrive c1
			101 send w1 c1
			102 exit w1
			103 recv w1 c1
			104 return c1`, ended},
		"a frame that did not go out, and goes to another": {opened, `
			100 arrive c1
			101 send w1 c1
			102 send w1 c1 err=gone
			103 send w2 c1
			104 recv w2 c1
			105 return c1`, ended},
		"a frame that did not go out to the dead": {opened, `
			100 arrive c1
			101 send w1 c1
			102 exit w1
			103 send w1 c1 err=gone
			104 send w2 c1
			105 recv w2 c1
			106 return c1`, ended},
		"a frame too large, and the next call": {opened, `
			100 arrive c1
			101 send w1 c1
			102 send w1 c1 err=too_large
			103 return c1 err=too_large
			104 arrive c2
			105 send w1 c2
			106 recv w1 c2
			107 return c2`, ended},
		"an error to a call that the scenario ended": {opened, `
			100 arrive c1
			101 send w1 c1
			200 return c1 excused err=client_died
			210 exit w1`, ended},
		"sessions that have not ended": {opened, called, keeps, "500 session-ending in=s1", ended},
		"sessions that were forgotten": {opened, called, keeps, `
			500 session-ending in=s1
			501 send w1 do=cleanup_session in=s1 id=9
			502 recv w1 id=9
			503 session-ended in=s1
			504 session-ended in=s3`, ended},
		"all of them at once": {opened, called, keeps, `
			501 send w1 do=reset_state in=s1 id=9
			502 recv w1 id=9
			503 session-ended in=s1
			504 session-ended in=s2`, ended},
		"or with their worker": {opened, called, keeps, `
			502 exit w1
			503 session-ended in=s1
			504 session-ended in=s2
			506 launch w1
			507 launched w1`, ended},
		"a stop that is kept by calls of callers who are gone": {opened, called, `
			900 probing
			901 arrive probe1
			902 send w1 probe1
			903 probed n=2
			904 return probe1 excused err=canceled
			905 close
			1906 exit w1
			1906 exit w2
			1907 closed err=killed_one`},
		"a stop that is kept by a start that its probes had begun": {opened, called, `
			900 probing
			901 launch w3
			902 exit w1
			903 launched w3
			904 probed n=2
			905 close
			5906 exit w2
			5906 exit w3
			5907 closed err=killed_one`},
		"a stop that is as long as it may be": {opened, called, `
			900 probed n=2
			910 close
			5910 exit w1
			5910 exit w2
			5920 closed`},
		"a stop that is cut short with the run": {opened, called, `
			910 close
			911 closed excused err=canceled`},
		"calls that come too late, and are told so": {opened, called, `
			902 close
			903 arrive probe7
			903 return probe7 err=closed
			904 exit w1
			904 exit w2
			905 closed
			906 arrive probe8
			906 return probe8 err=closed`},
		"one that is answered still as the pool closes": {opened, called, `
			902 close
			903 arrive probe7
			904 send w1 probe7
			905 recv w1 probe7
			905 return probe7
			910 exit w1
			911 exit w2
			912 closed`},
		"more held than the size": {opened, called, "901 probed n=3", "902 closed"},
		"no probe was made":       {opened, called, "902 closed"},
	} {
		t.Run(name, func(t *testing.T) {
			if b := safety(timeline(t, story...)); !reflect.DeepEqual(b, unsafety{}) {
				t.Errorf("accused of %+v", b)
			}
		})
	}
}

func TestABreachIsToldOnceWithItsFirstInstance(t *testing.T) {
	v := tried(timeline(t, opened, called, `
		size 1
		300 launch w3
		301 launched w3
		400 arrive c2
		401 send w3 c2
		402 arrive c3
		403 send w3 c3
		404 return c2 wrong
		405 return c3 wrong`, ended), nil)
	want := []string{
		"more alive than allowed: 2 with w2, 1 are allowed",
		"a worker used before its hello: w3 was sent c2",
		"one worker in two hands: w3 was sent c3 while it had c2",
		"a wrong answer: c2 was given what no worker had answered to it",
	}
	if strings.Join(v.Safety, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(v.Safety, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range want {
		if !strings.Contains(v.Reason, s) {
			t.Errorf("the reason %q lacks %q", v.Reason, s)
		}
	}
}

func TestWhatNobodyCouldWarmInTimeIsNoBreach(t *testing.T) {
	const sec = time.Second
	for name, x := range map[string]struct {
		patience  time.Duration // with the warming; 0: what is usual
		opens, at time.Duration // when the pool does, and how long the first caller comes after the clock began
		came      time.Duration // when he comes to ideal pools
		outside   float64       // that the contract has
		word      scenario.Word
	}{
		"they had it warm":                  {0, 0, 0, 2 * sec, 0, scenario.Architectural},
		"they had not":                      {0, 0, 0, time.Minute, 0, scenario.Environmental},
		"they had not, inside the contract": {0, 0, 0, time.Minute, 9, scenario.Architectural},
		"they had not, in 20 s":             {20 * sec, 0, 0, 20 * sec, 0, scenario.Environmental},
		"in 20 s they had":                  {20 * sec, 0, 0, 19 * sec, 0, scenario.Architectural},
		"they had, after another pool":      {20 * sec, 6 * sec, 0, 25 * sec, 0, scenario.Architectural},
		"they had, before anybody came":     {20 * sec, 0, 6 * sec, 25 * sec, 0, scenario.Architectural},
		"they had not, after both":          {20 * sec, 6 * sec, 6 * sec, 32 * sec, 0, scenario.Environmental},
	} {
		c := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}.on(t)
		c.Met.Contract.Outside = x.outside
		c.Met.WarmPatience, c.Met.Replay.Opens = x.patience, x.opens
		c.Met.Workload.Clients, c.Met.Workload.At = 1, []time.Duration{x.at}
		c.Run.Events = append(c.Run.Events, scenario.Event{Kind: scenario.Warmed, Err: "no_worker"})
		ideal := c.Ideal
		c.Ideal = func(sc scenario.Scenario) (Ideal, error) {
			i, err := ideal(sc)
			for n := range i.Calls {
				i.Calls[n].Arrived = x.came
			}
			return i, err
		}
		v := Judge(c)
		if v.Word != x.word || (v.Word == scenario.Architectural) != strings.Contains(v.Reason, "could not be warmed: no_worker") {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}
