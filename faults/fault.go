package faults

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// A Fault is one named way to hurt a run, with its settings. It is of one kind,
// which says what it is about: it is a StartFault, a CallFault, an IdleFault, a
// WorkerFault, a MachineFault, a CallerFault, a CrowdFault or a ClosingFault. Where the forms differ, it has one
// for a world of models and one for a world of real processes, side by side.
//
// The fields of a fault are its settings. They are written in plans under the
// names of their yaml tags; durations as "300ms".
type Fault interface {
	Name() string // as plans write it
	Check() error // what of its settings can't be
}

// A StartFault changes how a worker starts.
type StartFault interface {
	Fault
	// Model changes a model worker's profile.
	Model(p *model.Profile, lots *rand.Rand)
	// Real is what a Python worker is told by flags. It is given the same lots.
	Real(lots *rand.Rand) (flags []string)
	// Fired says whether a sign at the port of such a worker proves it.
	Fired(Sign) bool
}

// A CallFault has a worker hurt itself at a call. Model and Python workers obey
// the same order: wire.Order.
type CallFault interface {
	Fault
	// Order is what is ordered at a worker's nth call, from 1; false: nothing.
	Order(nth int) (wire.Order, bool)
	// Fired says whether a sign at the worker's port, after the order, proves it.
	Fired(Sign) bool
}

// A SpoilingFault is a CallFault that orders nothing: what it alters is the request, on
// its way to the worker.
type SpoilingFault interface {
	CallFault
	// Spoil gives what goes to the worker in its place.
	Spoil(request []byte) []byte
}

// An IdleFault hurts a worker from outside, once it has had nothing to do for some
// time.
type IdleFault interface {
	Fault
	// Idle is for how long.
	Idle() time.Duration
	// Strike does it, to a worker in any world.
	Strike(worker.Port)
	// Fired says whether a sign at the port of the worker that was struck proves it.
	Fired(Sign) bool
}

// A WorkerFault lies on each worker from outside for as long as its window lasts.
type WorkerFault interface {
	Fault
	// Real lays it on one. end takes it away again and says how often it did
	// something, which proves it; it is called once, also after the worker's end.
	Real(Real, worker.Port) (end func() int, err error)
}

// A ModelledWorkerFault is a WorkerFault that models can have; any other is Unmodelled.
type ModelledWorkerFault interface {
	WorkerFault
	// Model lays it on a model, as Real does on a process.
	Model(Model, *model.Port) (end func() int)
}

// A RefusingFault is a WorkerFault that refuses something to the worker on which it lies,
// which says so in a reply, or ends of it.
type RefusingFault interface {
	WorkerFault
	// Fired says whether a sign at the worker's port proves that it did, once more.
	Fired(Sign) bool
}

// A MachineFault lies on the machine for as long as its window lasts.
type MachineFault interface {
	Fault
	// Model and Real begin it. end ends it and says how often it did something.
	Model(Model) (end func() int)
	Real(Real) (end func() int, err error)
}

// A CallerFault has a caller misbehave. Callers are the harness's own in every
// world: there is but one form.
type CallerFault interface {
	Fault
	// When is how long after which of a call's moments.
	When() (CallMoment, time.Duration)
	// Strike has the caller do it.
	Strike(*Caller)
}

// A CrowdFault has more callers come than the workload has, each with one call. They,
// too, are the harness's own in every world. They are among a run's arrivals, so a
// replay and an ideal pool meet them as they came.
type CrowdFault interface {
	Fault
	// Comes is how long after its window has opened the nth of them comes, from 1;
	// false: there are no more.
	Comes(nth int) (after time.Duration, comes bool)
	// Waits is how long each waits for its answer; 0: as long as those of the workload.
	Waits() time.Duration
}

// A ClosingFault has callers come who are too late: the pool is being closed, or has
// been. They, too, are the harness's own in every world, and there is no other moment
// for them.
type ClosingFault interface {
	Fault
	// Late is how many come while it closes, and how many once it has closed.
	Late() (closing, closed int)
}

// A CallMoment is one in a call's life.
type CallMoment int

// The moments.
const (
	Arrived CallMoment = iota // it has come to the pool
	Held                      // a worker was sent it
)

// A mild fault of calls spoils no more than the reply to a call: the worker may be
// called again.
type mild interface{ mild() }

// An Unrecorded fault does what is in no recording of an environment: a run that it
// hurt can't be replayed as it was.
type Unrecorded interface {
	// Unrecorded says what is otherwise in a replay.
	Unrecorded() string
}

// A lasting fault of workers that can lie on one from before its launch on.
type launching interface{ quota() Quota }

// A silencing fault of workers keeps them from answering while it lies on them.
type silencing interface{ silences() }

// A passing fault must be over at some time: while it lasts nothing can be done.
type passing interface{ passing() }

// An Unmodelled fault can't be had in the world of models.
type Unmodelled interface {
	// Unmodelled says why.
	Unmodelled() string
}

// A stating fault of starts has the worker state that it was hurt, in words of its own.
type stating interface{ states() string }

// A greeting fault of starts is an order at the hello, of which a worker can have one.
type greeting interface{ order() wire.Order }

// A refusing fault of starts has there be no worker at all.
type refusing interface {
	// refuses is what it says, or what has an engine refuse it.
	refuses() (Refusal, error)
	// refused says whether it was this that refused a launch.
	refused(error) bool
}

// A Needy fault can't be had everywhere in the world of real processes.
type Needy interface {
	// Needs says what is missing.
	Needs(Real) error
}

// Seen is a kind of sign.
type Seen int

// What can be seen at a worker's port.
const (
	Launched Seen = iota
	Asked         // for its hello
	Sent          // it was sent a request that was spoilt
	Ready         // the hello came
	Came          // something came, a reply or what is none
	Gone          // it ended
)

// A Sign is what was seen at a worker's port.
type Sign struct {
	Seen  Seen
	Ready bool        // its hello had come before
	Exit  worker.Exit // of Gone
	Err   string      // of Came: of a reply that says an error
	// Stated says that the worker has stated that it obeys an order. It does so on its
	// stderr, right before it does: see wire.Stated.
	Stated bool

	call string // of Came: that it answers
}

// A World is what every fault asks of the place where a run happens.
type World interface {
	Now() time.Duration   // since the run began
	Point(who, at string) // where the order of goroutines may be decided
}

// A Model is what model forms ask of a world of models.
type Model interface {
	World
	// LaunchWith starts a model worker whose profile is altered first.
	LaunchWith(ctx context.Context, id string, alter func(*model.Profile)) (worker.Port, error)
	// Stall keeps whoever is at a point from going on, for so long from now.
	Stall(d time.Duration)
	// Starve does so again and again, and lets them go on for as long in between, until
	// it is stopped; stop says whether it did.
	Starve(d time.Duration) (stop func() bool)
	// Burn has one more thread compute, in a scheduling group of its own, or with all
	// others of the program's own in one, until it is stopped; stop says what CPU it had.
	Burn(own bool) (stop func() time.Duration)
	// Limit bounds the CPU of a worker's group; 0 cores take the limit away.
	Limit(p *model.Port, cores float64, period time.Duration)
	// Throttled is how often a limit has kept the worker from running so far.
	Throttled(p *model.Port) int
	// Burden has each call that a worker takes from now on ask for more; the zero Demand
	// for no more.
	Burden(p *model.Port, more model.Demand)
	// Burdened is how many calls have asked for more so far.
	Burdened(p *model.Port) int
}

// OwnGroup is the path of the scheduling group that models of the program's own hogs
// share.
const OwnGroup = "program"

// A Real is what real forms ask of a world of real processes.
type Real interface {
	World
	// LaunchWith starts a Python worker in a way of its own.
	LaunchWith(ctx context.Context, id string, how Launch) (worker.Port, error)
	// CanSlow says what is missing for such a disk.
	CanSlow(Disk) error
	// CanRefuse says what is missing for such a refusal.
	CanRefuse(Refusal) error
	// Python runs code in a process and a session of its own until it is stopped;
	// stop says what CPU it had. It ends with the program at the latest, also if
	// that is killed.
	Python(code string) (stop func() time.Duration, err error)
	// Beside is Python on this program's own machine, among the processes that it sees,
	// wherever workers run.
	Beside(code string) (stop func() time.Duration, err error)
	// Within is Beside, in this program's own session.
	Within(code string) (stop func() time.Duration, err error)
	// CanLimit says what is missing for Limit.
	CanLimit() error
	// Limit puts a worker under a limit that has none, or was launched under the same.
	Limit(worker.Port, Quota) (Limit, error)
	// CanBound says what is missing for Bound.
	CanBound(Resource) error
	// Bound lets a worker have so much of something and no more, until lift.
	Bound(p worker.Port, of Resource, most int64) (lift func(), err error)
	// CanPress says what is missing for Press.
	CanPress() error
	// Press has a worker be short of memory: it may have most bytes, all but left of which
	// somebody beside it takes that it does not hold itself, until lift. That says whether
	// something had to be read again for it.
	Press(p worker.Port, most, left int64) (lift func() (felt bool), err error)
}

// A Launch is how a Python worker is launched.
type Launch struct {
	Flags   []string // beside those that all have
	Disk    Disk     // a slow one from which it first imports a module, and states it; the zero Disk: none
	Refused Refusal  // what it is to be refused for; "": nothing
	Quota   Quota    // under which it is from the first; a world where that can't be leaves it to Limit
}

// A Quota is so much CPU in each period. The zero Quota is none.
type Quota struct {
	Cores  float64 // on average over a period
	Period time.Duration
}

// A Disk is one of which the machine's memory has nothing.
type Disk struct {
	Module string // of Python's own library, that is on it
	Rate   int64  // bytes a second that are read of it, at most
}

// A Resource is something of which a worker may be given but so much.
type Resource string

// The resources.
const (
	Memory  Resource = "memory"  // in bytes; one that wants more is killed
	Files   Resource = "files"   // open at once, by their descriptors; more are refused
	Threads Resource = "threads" // of it and its children; more are refused
	Cores   Resource = "cores"   // that it may run on; the same for all workers
)

// A Limit is one on the CPU of one worker.
type Limit interface {
	// Throttled is how often it has kept the worker from running so far.
	Throttled() int
	// Lift takes it away. The worker may have ended.
	Lift()
}

// kind is what a fault is about.
type kind string

const (
	nothing kind = ""
	starts  kind = "starts"
	calls   kind = "calls"
	workers kind = "workers"
	machine kind = "the machine"
	callers kind = "callers"
	crowd   kind = "more callers"
)

func about(f Fault) kind {
	switch f.(type) {
	case StartFault:
		return starts
	case CallFault:
		return calls
	case IdleFault, WorkerFault:
		return workers
	case MachineFault:
		return machine
	case CallerFault:
		return callers
	case CrowdFault, ClosingFault:
		return crowd
	}
	return nothing
}

// lots is a source of random numbers that hangs on a seed and a place alone.
func lots(seed uint64, what, key string) *rand.Rand {
	h := fnv.New64a()
	for _, s := range []string{what, "\x00", key} {
		_, _ = h.Write([]byte(s)) // it never fails
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
