package judge

import (
	"reflect"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// A Case is a run on trial, with the means to replay it.
type Case struct {
	Run *scenario.Record
	// Met is the run's scenario with the environment that it met, to be replayed, and
	// the contract that it is held to. Unknown is why there is none, if that is so.
	Met     scenario.Scenario
	Unknown error
	// Play runs this pool under a scenario in virtual time. Its error says why that
	// can't be done.
	Play func(scenario.Scenario) (*scenario.Record, error)
	// Probe is Play, and asks after the workload what capacity there is.
	Probe func(scenario.Scenario) (*scenario.Record, error)
	// Again runs it under what it met in the likely orders of what happened at one
	// moment, up to so many, until the same calls miss their deadline.
	Again func(frozen bool, orders int) (scenario.Comparison, error)
	// Ideal has the best of the ideal pools in a scenario, the one that counts for
	// them all.
	Ideal func(scenario.Scenario) (Ideal, error)
}

// An Ideal is the best of the ideal pools.
type Ideal struct {
	Name  string
	Of    int // how many there are
	Calls []scenario.Call
}

// A trial is a case under judgement.
type trial struct {
	Case
	verdict scenario.Verdict
	// What can't be told live: capacity that was lost, and a stop that took too long.
	lost, unstopped string

	latest  scenario.Call // the call that the mechanism is sought in
	clipped scenario.Scenario
	mild    *scenario.Environment // see mildest; nil: nobody asked for it yet
	excess  []string              // of what the run met, beyond the contract
	frozen  []bool                // the kinds of load from outside to be replayed
	reacts  reacting              // whether there is more than one
	aside   []string              // doubts that can't matter
	spare   string                // as ideal pools keep such a part of the deadline
	misses  bool                  // this pool a deadline, in some replay of what it met
	band    float64               // of the deadline: what lies nearer to it is a tie
	mine    map[setting]outcome
	ideals  map[setting]outcome
}

func newTrial(c Case) *trial {
	t := &trial{Case: c, band: scenario.TieShare, frozen: []bool{false}, mine: map[setting]outcome{}, ideals: map[setting]outcome{}}
	t.latest = latest(c.Run.Calls())
	if c.Unknown == nil {
		t.clipped, t.excess = c.Met.Contract.Clip(c.Met)
		t.Met.Replay.Prepare()
		t.clipped.Replay.Prepare()
		t.reacts = reacting{met: reacts(t.Met.Replay), clipped: reacts(t.clipped.Replay)}
		if t.reacts.met || t.reacts.clipped {
			t.frozen = []bool{false, true}
		}
	}
	t.verdict.Path = path(c.Run, t.latest)
	return t
}

// reacts says whether it makes a difference that the load from outside does.
func reacts(e *scenario.Environment) bool {
	return !reflect.DeepEqual(e.Config(true).Outside, e.Config(false).Outside)
}

// reacting says of which loads it makes a difference that they do: of what the run
// met, and of that clipped. A hog does not react, but what is left of it once it is
// clipped to a part of itself does.
type reacting struct{ met, clipped bool }

// loads are the kinds of the load that the run met.
func (t *trial) loads() []bool {
	if t.reacts.met {
		return t.frozen
	}
	return []bool{false}
}

// A setting is one replay.
type setting struct {
	clipped bool // under E∧C, not E
	frozen  bool // the load from outside does not react
	alone   bool // there is none
	mild    bool // it was as mild as what was seen allows
	seed    uint64
	scale   float64 // of the deadline; 0: nobody gives up
}

// An outcome is what came out of it.
type outcome struct {
	misses int
	missed map[string]bool // by id
	served int
	came   time.Duration // the first call, since the run began
	last   time.Duration // by when all calls were answered, each since its arrival; never if one was not
	waited time.Duration // of that call, for a worker
	name   string        // of who did that
	of     int
	err    error
}

// never is when a call is answered that gets no answer.
const never = scenario.Never

// patient is how long those wait who do not give up.
const patient = 10 * time.Minute

// under is the scenario of a replay.
func (t *trial) under(s setting) scenario.Scenario {
	sc := t.Met
	switch {
	case s.clipped:
		sc = t.clipped
	case s.mild:
		sc = t.mildest()
	}
	sc.Seed += s.seed
	sc.Frozen = s.frozen
	if s.alone {
		e := *sc.Replay
		e.Rivals, e.Load = nil, nil
		sc.Replay = &e
	}
	if s.scale > 0 {
		sc.Deadline = time.Duration(s.scale * float64(sc.Deadline))
		return sc
	}
	sc.Patience = patient
	for _, timeout := range []*time.Duration{&sc.Config.CheckoutTimeout, &sc.Config.CallTimeout} {
		if *timeout > 0 {
			*timeout = patient
		}
	}
	return sc
}

// this is this pool in a replay.
func (t *trial) this(s setting) outcome {
	return t.replay(t.mine, s, func(sc scenario.Scenario) (Ideal, error) {
		r, err := t.Play(sc)
		if err != nil {
			return Ideal{}, err
		}
		return Ideal{Calls: r.Calls()}, nil
	})
}

// ideal is the best of the ideal pools in a replay.
func (t *trial) ideal(s setting) outcome { return t.replay(t.ideals, s, t.Ideal) }

// replay is made once. Where it makes no difference to the callers by when they
// were to have an answer, one will do for all deadlines; where nobody had to give up,
// for all longer ones; where the load does not react, whether it is frozen or not.
func (t *trial) replay(had map[setting]outcome, s setting, play func(scenario.Scenario) (Ideal, error)) outcome {
	s.frozen = s.frozen && (s.clipped && t.reacts.clipped || !s.clipped && t.reacts.met)
	if o, ok := had[s]; ok {
		return o
	}
	sc := t.under(s)
	o := outcome{}
	var i Ideal
	if i, o.err = play(sc); o.err == nil {
		o = count(i, sc.Deadline)
	}
	had[s] = o
	if s.scale == 0 || o.err != nil {
		return o
	}
	for _, scale := range t.scales() {
		if sc.Patience > 0 || o.misses == 0 && scale > s.scale {
			longer := s
			longer.scale = scale
			had[longer] = count(i, time.Duration(scale*float64(t.Met.Deadline)))
		}
	}
	return o
}

func count(i Ideal, deadline time.Duration) outcome {
	o := outcome{name: i.Name, of: i.Of, missed: map[string]bool{}}
	if len(i.Calls) > 0 {
		o.came = i.Calls[0].Arrived
	}
	for _, c := range i.Calls {
		switch {
		case c.Excused:
		case c.Err != "" || c.Wrong || c.Lost || c.Ended < 0:
			o.missed[c.ID] = true
			o.last = never
		default:
			o.served++
			if c.Took > deadline {
				o.missed[c.ID] = true
			}
			if c.Took > o.last {
				o.last, o.waited = c.Took, c.Sent-c.Arrived
			}
		}
	}
	o.misses = len(o.missed)
	return o
}

// scales are those of the deadline at which the word must be the same.
func (t *trial) scales() []float64 { return []float64{1 - t.band, 1, 1 + t.band} }
