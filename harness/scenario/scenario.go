// Package scenario has what is to be run (a Scenario) and what came out (a
// Record, a Result): types, and arithmetic on them, alone. Who runs scenarios,
// watches them or judges them has a room of its own.
package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/settings"
	"github.com/butfor/butfor/worker/model"
)

// A Scenario is one run to be made: a subject, its settings, who calls it when,
// and by when each call must have its answer.
type Scenario struct {
	Name    string          `yaml:"name,omitempty"`
	World   string          `yaml:"world,omitempty"` // "" means "process"
	Seed    uint64          `yaml:"seed,omitempty"`  // of all that is drawn: arrivals, faults, the order in virtual time
	Subject subject.Subject `json:"-" yaml:"-"`      // code, not data
	Config  subject.Config  `yaml:"config"`
	// Cores are the machine's that the workers may use. 0: in real time what this
	// one has, in virtual time 2.
	Cores float64 `yaml:"cores,omitempty"`
	// Boxed has all workers run in one container, in the world of containers, in place of
	// one each: they start sooner, and share what the container may have.
	Boxed bool `json:",omitempty" yaml:"boxed,omitempty"`
	// Order says how the order of what happens at one instant is chosen, in
	// virtual time.
	Order Order `yaml:"order,omitzero"`

	// Start is what each start of a worker asks for, beyond what Python's own
	// takes.
	Start Demand `yaml:"start,omitempty"`
	// Warm is how many workers are to be ready before the clients arrive. A
	// subject that can't warm is given as many pings, one after another. 0:
	// the clients arrive as Open begins.
	Warm int `yaml:"warm,omitempty"`
	// WarmPatience bounds the warming, and an opening that the clients did not wait
	// for, in every world and of ideal pools too. It is no deadline of anybody's. 0: a
	// minute.
	WarmPatience time.Duration `json:",omitempty" yaml:"warm_patience,omitempty"`
	// Workload is who calls.
	Workload Workload `yaml:"workload"`
	// Stops has the pool stopped as it stands once its clients are through: its capacity
	// is not probed before.
	Stops bool `json:",omitempty" yaml:"stops,omitempty"`
	// Others are more pools of the run, in the order in which they come: each begins to
	// open once the one before has, and the one on trial is the last. What they ask of the
	// machine is in what it meets. They are judged too, each by itself, but their
	// capacity is not probed.
	Others []Other `json:",omitempty" yaml:"others,omitempty"`
	// Faults are what hurts the run: of pools the one on trial alone.
	Faults faults.Plan `json:",omitempty" yaml:"faults,omitempty"`
	// Swarm is how many faults more are drawn from the seed, in virtual time: any but those
	// of the harness itself. A result has them in Faults.
	Swarm int `json:",omitempty" yaml:"swarm,omitempty"`
	// Replay is a recorded environment that the run is to meet in virtual time:
	// its starts and calls ask for what those of the recording did, by ordinal
	// and by id, and others for what is drawn from those; its workers die, and
	// the machine is loaded from outside. nil: nothing but Cores, Start and what
	// the commands ask for.
	Replay *Environment `json:",omitempty" yaml:"-"`
	// Frozen has that load want what it wanted in the recording, however much it
	// gets now. Else it reacts.
	Frozen bool `json:",omitempty" yaml:"-"`
	// Came is when the clients come to an ideal pool at the latest, since the run
	// began, though fewer than Warm are ready. 0: they wait as long as Warms.
	Came time.Duration `json:",omitempty" yaml:"-"`

	// Deadline is by when a call must have a right answer, counted from its
	// arrival. 0 means Slack times what the reference takes in the same world.
	Deadline time.Duration `yaml:"deadline,omitempty"`
	// Slack is used where Deadline is 0. 0 means 1.5.
	Slack float64 `yaml:"slack,omitempty"`
	// Patience is when a caller gives up, counted from its arrival. 0 means at
	// the deadline.
	Patience time.Duration `yaml:"patience,omitempty"`
	// Recovery bounds how long each probe of the capacity, after the workload,
	// may take to be executing. 0 means what the contract says; of ci/contract.yaml
	// at least 1 s and three starts' demands.
	Recovery time.Duration `yaml:"recovery,omitempty"`
	// Contract is what the environment of the run is held to. nil: that of
	// ci/contract.yaml.
	Contract *Contract `json:",omitempty" yaml:"contract,omitempty"`
}

// Worlds are the places where a scenario can run.
var Worlds = []string{"process", "virtual", "container"}

// VirtualCores is how many cores there are in virtual time unless a scenario says
// otherwise.
const VirtualCores = 2

// Meets is the environment that a run in virtual time finds: the recorded one, or
// the scenario's cores and nobody else. It is not to be changed.
func (s *Scenario) Meets() *Environment {
	if s.Replay != nil {
		return s.Replay
	}
	return &Environment{Cores: cmp.Or(s.Cores, VirtualCores)}
}

// Plan is what hurts a run of the scenario. What hurt a recorded one, callers apart,
// is in its environment.
func (s *Scenario) Plan() faults.Plan {
	if s.Replay == nil {
		return s.Faults
	}
	return s.Faults.Callers()
}

// GivesUp is when a caller does, counted from its arrival.
func (s *Scenario) GivesUp() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	if s.Deadline > 0 {
		return s.Deadline
	}
	return time.Minute // the reference's, when the deadline comes from it
}

// Warms is how long the warming may take at most.
func (s *Scenario) Warms() time.Duration { return cmp.Or(s.WarmPatience, time.Minute) }

// OneMoment is how far apart the arrivals of one moment may be recorded: on a busy
// machine one of two goroutines may have been kept waiting.
const OneMoment = time.Millisecond

// A Demand is what a piece of work asks for, apart from how long it takes.
type Demand struct {
	CPU  time.Duration `json:"cpu_ns" yaml:"cpu,omitempty"`
	Wait time.Duration `json:"wait_ns" yaml:"wait,omitempty"`
}

// An Order is a rule for who goes first. The zero value draws lots.
type Order struct {
	Seed     uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`          // of the order alone; 0: the scenario's
	Strategy string `json:"strategy,omitempty" yaml:"strategy,omitempty"`  // "" means random
	Depth    int    `json:"depth,omitempty" yaml:"depth,omitempty"`        // of pct: how many orderings a bug may hang on; 0 means 1
	Length   int    `json:"length,omitempty" yaml:"length,omitempty"`      // of pct: how many steps the run takes; 0: as many as it takes by lot
	Choices  []int  `json:"choices,omitzero" yaml:"choices,flow,omitzero"` // if not nil, in place of a strategy: at each step, which of those who could go on, by name; then the first
	Trace    string `json:"trace,omitempty" yaml:"trace,omitempty"`        // of choices: the hash of the trace of the run that they were written down of; a run with another says so
	// Begin are calls in the order in which they are to turn to the pool, by id,
	// as far as they come to it at one moment. nil: as the strategy has it.
	Begin []string `json:"begin,omitempty" yaml:"begin,flow,omitempty"`
}

// Lots is the seed that the order of a scenario's run is drawn from.
func (s *Scenario) Lots() uint64 { return cmp.Or(s.Order.Seed, s.Seed) }

// The strategies.
const (
	Random = "random"
	PCT    = "pct"
)

// Arrival is how clients come.
type Arrival string

// The ways in which clients arrive.
const (
	Burst   Arrival = "burst"   // all at 0
	Rate    Arrival = "rate"    // one every Every, the first at 0
	Poisson Arrival = "poisson" // at random, Every apart on average, drawn from the seed
)

// A Workload is clients that arrive and call.
type Workload struct {
	Clients int           `yaml:"clients"`
	Arrive  Arrival       `yaml:"arrive,omitempty"` // "" means burst
	Every   time.Duration `yaml:"every,omitempty"`  // between arrivals, for rate and poisson
	// At is when each client arrives, since their clock started, if it is not
	// nil: in place of Arrive. There may be more than there are clients.
	At []time.Duration `json:",omitempty" yaml:"at,flow,omitempty"`
	// Extra are callers of a recorded run that a fault had come: a replay has them as
	// they came.
	Extra   []Extra        `json:",omitempty" yaml:"-"`
	Calls   int            `yaml:"calls,omitempty"` // of each client, one after another; 0: one, and all of Then
	Think   time.Duration  `yaml:"think,omitempty"` // between a client's calls
	Command string         `yaml:"command"`
	Args    map[string]any `yaml:"args,flow,omitempty"`
	// Fails is part of what the worker's error says that is the right answer. "": a
	// result is.
	Fails string `json:",omitempty" yaml:"fails,omitempty"`
	// Then is what a client calls after that, one after another, and the last of it
	// for all further calls. nil: the same each time.
	Then []Step `json:",omitempty" yaml:"then,omitempty"`
	// Sessions is how many there are. Clients have them in turn, the first one's is
	// s1; where there are more clients, they share them. 0: their calls are of none.
	Sessions int `json:",omitempty" yaml:"sessions,omitempty"`
	// EndSessions has each ended once its clients are through, if its last one lives.
	EndSessions bool `json:",omitempty" yaml:"end_sessions,omitempty"`
	// Health is when the pool is asked how it is, since the clients' clock started. Its
	// answer stands in the record, and nothing is judged by it.
	Health []time.Duration `json:",omitempty" yaml:"health,flow,omitempty"`
	// Mortal clients die once they have made their calls; others live until
	// the run ends.
	Mortal bool `yaml:"mortal,omitempty"`
	// DieAfter kills each client so long after its arrival, in mid-call too.
	// What it was calling then counts neither as kept nor as missed.
	DieAfter time.Duration `yaml:"die_after,omitempty"`
}

// An Extra is a caller that is none of the workload's. It makes its first call, once, of
// no session.
type Extra struct {
	Name  string        // its own, and its call's
	At    time.Duration // since the clients' clock started
	Waits time.Duration // for an answer; 0: as long as the workload's
}

// A Step is what one call of a client is.
type Step struct {
	Command string         `yaml:"command"`
	Args    map[string]any `yaml:"args,flow,omitempty"`
	Fails   string         `json:",omitempty" yaml:"fails,omitempty"` // as that of the first
	// Anonymous has it be of no session, where there are any.
	Anonymous bool `json:",omitempty" yaml:"anonymous,omitempty"`
}

// Each is how many calls each client makes.
func (w *Workload) Each() int { return cmp.Or(w.Calls, 1+len(w.Then)) }

// Step is what each client's nth call is, from 1.
func (w *Workload) Step(nth int) Step {
	if nth == 1 || len(w.Then) == 0 {
		return Step{Command: w.Command, Args: w.Args, Fails: w.Fails}
	}
	return w.Then[min(nth-1, len(w.Then))-1]
}

// Right says whether what a call came to is what it was to come to: err is what its
// worker's error says, "" if there was none.
func (s Step) Right(err string) bool {
	return (err == "") == (s.Fails == "") && strings.Contains(err, s.Fails)
}

// Asks is what such a call asks for by what it does.
func (s Step) Asks() Demand { return Demand(model.Asks(s.Command, s.Args)) }

// steps are the different ones, in their order.
func (w *Workload) steps() []Step { return append([]Step{w.Step(1)}, w.Then...) }

// What is more than this is a slip: it would take the memory of the machine, or
// hours where runs take milliseconds, or would not end before the clock does.
const (
	sizeMost    = 1 << 12
	clientsMost = 1 << 14
	callsMost   = 1 << 17 // of all clients
	coresMost   = 1 << 13
	slackMost   = 1000
	othersMost  = 16
	swarmMost   = 100
	DepthMost   = 1000 // of an Order
	timeMost    = 24 * time.Hour
	lastsMost   = 100 * 365 * timeMost // one client's calls
)

// Check says what of a scenario can't be, naming each by its key in files.
func (s *Scenario) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) { errs = append(errs, settings.Wrong(key, format, args...)) }
	if s.Subject.Open == nil {
		errs = append(errs, errors.New("the scenario has no subject: Subject.Open is nil"))
	}
	if s.World != "" && !slices.Contains(Worlds, s.World) {
		bad("world", "is %q: there are %s", s.World, strings.Join(Worlds, ", "))
	}
	w := s.Workload
	for _, n := range []struct {
		key            string
		n, least, most int
	}{
		{"config.size", s.Config.Size, 1, sizeMost}, {"config.overflow", s.Config.Overflow, 0, sizeMost},
		{"config.start_concurrency", s.Config.StartConcurrency, 0, math.MaxInt},
		{"workload.clients", w.Clients, 1, clientsMost}, {"workload.sessions", w.Sessions, 0, max(w.Clients, 1)}, {"workload.calls", w.Each(), 0, callsMost / min(max(1, w.Clients), clientsMost)},
		{"swarm", s.Swarm, 0, swarmMost}, {"order.depth", s.Order.Depth, 0, DepthMost}, {"order.length", s.Order.Length, 0, math.MaxInt},
	} {
		switch {
		case n.n < n.least && n.most == math.MaxInt:
			bad(n.key, "is %d: it can't be negative", n.n)
		case n.n < n.least, n.n > n.most:
			bad(n.key, "is %d: it must be from %d to %d", n.n, n.least, n.most)
		}
	}
	if s.Warm < 0 || s.Warm > s.Config.Size {
		bad("warm", "is %d: it must be from 0 to config.size, %d", s.Warm, s.Config.Size)
	}
	for _, x := range []struct {
		key     string
		x, most float64
	}{{"config.cores", s.Config.Cores, coresMost}, {"cores", s.Cores, coresMost}, {"slack", s.Slack, slackMost}} {
		if !(x.x >= 0 && x.x <= x.most) { // NaN too
			bad(x.key, "is %v: it must be from 0 to %v", x.x, x.most)
		}
	}
	if n := slices.IndexFunc(s.Order.Choices, func(c int) bool { return c < 0 }); n >= 0 {
		bad("order.choices", "has %d at step %d: it can't be negative", s.Order.Choices[n], n+1)
	}
	if s.Order.Trace != "" && s.Order.Choices == nil {
		bad("order.trace", "is of a run that order.choices were written down of, and there are none")
	}
	for i, step := range w.steps() {
		key := "workload"
		if i > 0 {
			key = fmt.Sprintf("workload.then[%d]", i-1)
		}
		if err := step.check(s.World == "virtual" && s.Replay == nil); err != nil {
			errs = append(errs, settings.Below(key, err))
		}
	}
	if w.EndSessions && w.Sessions == 0 {
		bad("workload.end_sessions", "is true, but there are none: workload.sessions is 0")
	}
	switch w.Arrive {
	case "", Burst:
	case Rate, Poisson:
		if w.Every <= 0 {
			bad("workload.every", "is %v: clients that arrive by %s need time between them", w.Every, w.Arrive)
		}
	default:
		bad("workload.arrive", "is %q: it must be %s, %s or %s", w.Arrive, Burst, Rate, Poisson)
	}
	if w.At != nil && len(w.At) < w.Clients {
		bad("workload.at", "has the arrivals of %d clients, but there are %d", len(w.At), w.Clients)
	}
	if n := slices.IndexFunc(w.At, func(at time.Duration) bool { return at < 0 || at > timeMost }); n >= 0 {
		bad("workload.at", "has %v: it must be from 0, when the clock starts, to %v", w.At[n], timeMost)
	}
	if n := slices.IndexFunc(w.Health, func(at time.Duration) bool { return at < 0 || at > timeMost }); n >= 0 {
		bad("workload.health", "has %v: it must be from 0, when the clock starts, to %v", w.Health[n], timeMost)
	}
	if s.Replay != nil {
		if err := s.Replay.Check(); err != nil {
			errs = append(errs, fmt.Errorf("replay: %w", err))
		}
	}
	if s.Replay != nil && s.World != "virtual" {
		errs = append(errs, fmt.Errorf("the scenario has an environment to replay, but in world %q only the real one can be met", s.World))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"deadline", s.Deadline}, {"patience", s.Patience}, {"recovery", s.Recovery}, {"warm_patience", s.WarmPatience}, {"start.cpu", s.Start.CPU}, {"start.wait", s.Start.Wait},
		{"workload.think", w.Think}, {"workload.die_after", w.DieAfter}, {"workload.every", w.Every},
		{"config.start_timeout", s.Config.StartTimeout}, {"config.checkout_timeout", s.Config.CheckoutTimeout}, {"config.call_timeout", s.Config.CallTimeout}} {
		if d.d < 0 || d.d > timeMost {
			bad(d.name, "is %v: it must be from 0 to %v", d.d, timeMost)
		}
	}
	if each := w.Think + s.GivesUp(); each > 0 && each <= 2*timeMost && time.Duration(w.Calls) > lastsMost/each {
		bad("workload.calls", "is %d, of up to %v each with what is between them: a client would be at it for more than a century", w.Calls, each)
	}
	if o := s.Order.Strategy; o != "" && o != Random && o != PCT {
		bad("order.strategy", "is %q: it must be %s or %s", o, Random, PCT)
	}
	if s.Contract != nil {
		errs = append(errs, settings.Below("contract", s.Contract.Check()))
	}
	errs = append(errs, s.checkOthers())
	if s.Boxed && s.World != "container" {
		bad("boxed", "is true, which says how containers are shared: write world: container beside it, not %q", s.World)
	}
	if s.Swarm > 0 && s.World != "virtual" {
		bad("swarm", "is %d: faults are drawn in virtual time alone: write world: virtual beside it, not %q", s.Swarm, s.World)
	}
	if s.Swarm > 0 && s.Deadline == 0 {
		bad("deadline", "is missing: an ideal pool that is to set it may serve nobody under what a swarm draws")
	}
	if err := s.Faults.Check(); err != nil {
		errs = append(errs, fmt.Errorf("faults: %w", err))
	}
	return errors.Join(errs...)
}

// check says what of a step can't be. Modelled workers must know what it asks for; a
// recording knows it of any.
func (s Step) check(modelled bool) error {
	switch {
	case s.Command == "":
		return settings.Wrong("command", "is empty")
	case !modelled:
		return nil
	case !model.Knows(s.Command):
		return settings.Wrong("command", "is %q: a worker in world virtual has %s; of others only a recording knows what they ask for", s.Command, strings.Join(model.Commands, ", "))
	}
	if function, _ := s.Args["function"].(string); s.Command == "call" && !slices.Contains(model.Functions, function) {
		return settings.Wrong("args", "has %q for function: a worker in world virtual has %s; of others only a recording knows what they ask for", function, strings.Join(model.Functions, ", "))
	}
	arg, ok := model.Takes(s.Command)
	if !ok {
		return nil
	}
	if x, ok := model.Number(s.Args[arg]); !ok || !(x >= 0 && x <= demandMost) {
		return settings.Wrong("args", "has %v for %s: %s takes seconds there, a number from 0 to %.0f", s.Args[arg], arg, s.Command, demandMost)
	}
	return nil
}

// demandMost is the most that a call may ask for, in seconds.
const demandMost = 1e6
