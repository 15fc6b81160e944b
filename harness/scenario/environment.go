package scenario

import (
	"fmt"
	"strings"
	"time"
)

// An Environment is what a run met, apart from what its pool made of it: all
// that a replay needs. Times are since the run began.
//
// What the run's own workers waited for a CPU is not in it: a replay that is
// fed with the delays it is to explain proves nothing.
type Environment struct {
	Cores float64 `json:"cores"`          // of the machine, whoever may use them
	Quota Quota   `json:"quota,omitzero"` // the tightest that the workers are under

	// Demands, from the trace.
	Starts []Span `json:"starts"` // by the ordinal of their launch, those that failed too
	// Further are the starts from its first on as they would have been while faults
	// hurt them, where a plan says so: a pool that begins more of them, or begins them
	// sooner, meets these. In Starts are those that came once the faults had stopped.
	Further []Span            `json:"further,omitempty"`
	Calls   map[string][]Span `json:"calls"`            // by the call's id, one for each time it was sent; probes are not among them
	Deaths  []Death           `json:"deaths,omitempty"` // of workers that nobody had asked to end
	// Others are what the workers of the run's other pools asked for, and when. It is
	// nobody's excess: no contract clips it.
	Others []Span `json:"others,omitempty"`
	// Opens is when the pool on trial began to open, if there were others.
	Opens time.Duration `json:"opens_ns,omitempty"`
	// Victims are calls, by id, that a fault kept from being answered: no pool
	// could.
	Victims []string `json:"victims,omitempty"`

	// Load, from the machine.
	Workers []Place  `json:"workers,omitempty"` // where the run's own processes were scheduled
	Rivals  []Rival  `json:"rivals,omitempty"`  // whoever else wanted the CPU, and how they compete for it
	Load    []Bucket `json:"load,omitempty"`    // what they wanted and had, over time

	// The recording itself.
	Late  time.Duration `json:"late_ns"`        // the most by which the recorder was late to look
	Cost  time.Duration `json:"cost_ns"`        // CPU that it used, once the run had begun
	Share float64       `json:"cost_cores"`     // the same, in cores
	Slice time.Duration `json:"slice_ns"`       // of its thread, as the kernel has it; 0: the kernel's own
	Gaps  []Gap         `json:"gaps,omitempty"` // what could not be seen

	prepared *prepared // nil: nothing was worked out yet
}

// A Quota is a limit on the CPU of a group: Cores times Period in each Period.
// The zero Quota is none.
type Quota struct {
	Cores  float64       `json:"cores"`
	Period time.Duration `json:"period_ns"`
	// First is how long a period lasts that begins when a group is idle no longer, on
	// average. In Linux the periods follow one another whether it is or not, from a
	// moment that nobody chooses or sees: so it is half of one. 0: a whole one.
	First time.Duration `json:"first_ns,omitempty"`
}

// A Span is one start, or one call in a worker's hands: what it asked for, and
// when it was. Wait is what is left of its time once the CPU that it had and
// the time it waited for a CPU are taken off. A worker does one thing at a time:
// what is sent to it in the midst of a call is in its hands once that is done.
type Span struct {
	Worker  int           `json:"worker"`            // ordinal of the launch, from 0
	Command string        `json:"command,omitempty"` // of a call
	Begin   time.Duration `json:"begin_ns"`
	End     time.Duration `json:"end_ns"`
	Demand
	// Engine is how long of its wait a container engine took first: of a start, before the
	// worker computed anything.
	Engine time.Duration `json:"engine_ns,omitempty"`
	Cut    bool          `json:"cut,omitempty"` // it was not let finish: it asks for at least this
	// Asks is what a start that was not let finish asks for, where that is known.
	Asks *Demand `json:"asks,omitempty"`
	Died bool    `json:"died,omitempty"` // its worker died, unasked, before it was through: at least this, too
	// Spared is what died in the recording, and is not to: it was cut short, but nobody had
	// waited for its end in vain, and the dying is part of what was seen of it.
	Spared bool `json:"spared,omitempty"`
	// Mute says that there was no hello of a start; of a call, that it may have been
	// through without a word: what it was seen to ask for says nothing then.
	Mute bool `json:"mute,omitempty"`
	// Refused is why a launch failed: there is no demand then.
	Refused string `json:"refused,omitempty"`
	// Err is what its handler answered in place of a result.
	Err string `json:"error,omitempty"`
}

// Whole says whether the demand is all that was asked for.
func (s *Span) Whole() bool { return !s.Cut && !s.Died && s.Refused == "" }

// A Death is the end of a worker that nobody had asked to end.
type Death struct {
	Worker int           `json:"worker"` // ordinal of the launch, from 0
	At     time.Duration `json:"at_ns"`
	Age    time.Duration `json:"age_ns"`         // since its launch
	CPU    time.Duration `json:"cpu_ns"`         // that it had had
	Call   string        `json:"call,omitempty"` // that it was executing
	Exit   string        `json:"exit"`           // see worker.ParseExit
}

// A Group is a scheduling group of Linux's: a cgroup with the CPU controller,
// or the autogroup of a session. Groups share the CPU among their siblings
// before threads do inside them.
type Group struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"` // against its siblings; 1 is the default, and a thread of nice 0
	Quota  Quota   `json:"quota,omitzero"`
}

// SessionPrefix begins the name of an autogroup, and of nothing else: the
// kernel's number of it follows.
const SessionPrefix = "/autogroup-"

// Session says whether the group is an autogroup.
func (g Group) Session() bool { return strings.HasPrefix(g.Name, SessionPrefix) }

// A Policy is a thread's scheduling class, as far as it matters here.
type Policy string

// The classes.
const (
	Fair     Policy = ""         // shares by weight
	Idle     Policy = "idle"     // shares with a weight of 3/1024
	Realtime Policy = "realtime" // goes before all of them: FIFO, round robin, deadline
)

// A Place is where threads are scheduled. Threads of one place compete alike.
type Place struct {
	Path   []Group `json:"path"`             // from the root's child down; empty: beside the topmost groups, in the root
	Nice   int     `json:"nice,omitempty"`   // within the last group
	Policy Policy  `json:"policy,omitempty"` // within the last group
	CPUs   []int   `json:"cpus,omitempty"`   // that they may use; empty: all. They share these as one set
	// Processes and Threads are, of the run's own, the most that used CPU here in
	// one bucket. A thread counts that had a tenth of a core at least: many a worker
	// has one that hardly does. More than one thread of ours in a group that
	// competes with another can't be replayed.
	Processes int `json:"processes,omitempty"`
	Threads   int `json:"threads,omitempty"`
}

// A Rival is all threads of one place that are not the run's own.
type Rival struct {
	Place
	Harness bool `json:"harness,omitempty"` // this program itself
}

// A Bucket is what rivals wanted and had between two looks at the machine.
type Bucket struct {
	At   time.Duration `json:"at_ns"`
	Span time.Duration `json:"span_ns"`
	Load []Load        `json:"load,omitempty"`
	Own  float64       `json:"own"` // cores that the run's own processes used, and what this program started and has reaped
	// Stolen is what the hypervisor took, in cores: Cores minus Stolen are
	// there to be shared.
	Stolen float64 `json:"stolen"`
	// Unseen is what was used, in cores, by nobody who was seen: processes
	// that came and went within the bucket, those of a foreign namespace,
	// interrupts. The machine counts in ticks of 10 ms a core: it may be below
	// 0, and only a mean over many buckets says something.
	Unseen float64 `json:"unseen"`
}

// A Load is what the threads of one rival wanted and had in one bucket.
//
// Of those that work and sleep in turns, a replay that gives them another share
// of the CPU gets another Runnable: with ρ = CPU / (Threads − Runnable), each
// second of CPU is followed by 1/ρ seconds of sleep. One that runs in turns
// longer than a bucket shows its sleep only over several of them: there the
// Threads are the most of any, Runnable and CPU the mean, 0 where it is not
// named.
//
// Threads that never slept are told apart from those that did: one hog and ten
// threads that tick would else look like eleven that work in turns.
type Load struct {
	Rival    int     `json:"rival"`              // its place in Rivals
	Threads  int     `json:"threads"`            // that ran or waited for a CPU at all
	Runnable float64 `json:"runnable"`           // mean number of threads that ran or waited for a CPU; at least CPU
	CPU      float64 `json:"cpu"`                // cores that they used
	Busy     int     `json:"busy,omitempty"`     // of the threads, those that ran or waited all the time, or nearly
	BusyCPU  float64 `json:"busy_cpu,omitempty"` // cores that these used
}

// What may keep a recorder from seeing.
const (
	GapNamespace = "namespace" // processes of other pid namespaces, or of other users
	GapGroup     = "group"     // how somebody's group competes
	GapDelay     = "delay"     // how long threads waited for a CPU
	GapMachine   = "machine"   // what the machine used, or was stolen
	GapFault     = "fault"     // what a fault did
	GapPool      = "pool"      // what another pool of the run did beside using the machine
	GapLate      = "late"      // the recorder was late, and a bucket is too long
)

// A Gap is something that could not be seen.
type Gap struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Wanted is how many threads of others ran or wanted to on average, those too
// that were not seen, and how many cores were stolen.
func (e *Environment) Wanted() (threads, stolen float64) {
	var gone mean
	for _, b := range e.Load {
		gone.add(b.Stolen, b.Span)
	}
	return e.wanted(func(Rival) bool { return true }) + e.unseen(0, len(e.Load)-1), gone.value()
}

// Check says what of an environment can't be: what would lead a replay astray.
func (e *Environment) Check() error {
	if !e.prepared.of(e) {
		if err := e.checkMachine(); err != nil {
			return err
		}
	}
	worker := func(what string, ordinal int) error {
		if ordinal < 0 || ordinal >= len(e.Starts) {
			return fmt.Errorf("environment: %s is on worker %d of %d", what, ordinal, len(e.Starts))
		}
		return nil
	}
	span := func(what string, s Span) error {
		if s.CPU < 0 || s.Wait < 0 || s.End < s.Begin {
			return fmt.Errorf("environment: %s is from %v to %v and asks for %v of CPU and %v of waiting", what, s.Begin, s.End, s.CPU, s.Wait)
		}
		return worker(what, s.Worker)
	}
	for i, s := range e.Starts {
		if s.Worker != i {
			return fmt.Errorf("environment: start %d is of worker %d", i, s.Worker)
		}
		if err := span(fmt.Sprintf("start %d", i), s); err != nil {
			return err
		}
	}
	for i, s := range e.Further {
		if s.Worker != e.Further[0].Worker+i || s.Worker > len(e.Starts)+i || s.CPU < 0 || s.Wait < 0 {
			return fmt.Errorf("environment: further start %d is of worker %d and asks for %v of CPU and %v of waiting", i, s.Worker, s.CPU, s.Wait)
		}
	}
	for id, spans := range e.Calls {
		for _, s := range spans {
			if err := span("call "+id, s); err != nil {
				return err
			}
		}
	}
	if e.Opens < 0 {
		return fmt.Errorf("environment: the pool opens at %v", e.Opens)
	}
	for i, s := range e.Others {
		if s.CPU < 0 || s.Worker < 0 {
			return fmt.Errorf("environment: span %d of the others is of worker %d and asks for %v of CPU", i, s.Worker, s.CPU)
		}
	}
	for _, d := range e.Deaths {
		if err := worker("a death", d.Worker); err != nil {
			return err
		}
	}
	for _, p := range append([]Place{{Path: []Group{{Name: "workers", Quota: e.Quota}}}}, e.Workers...) {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// checkMachine is Check for what others want of the machine.
func (e *Environment) checkMachine() error {
	if !(e.Cores > 0) { // NaN too
		return fmt.Errorf("environment: it has %v cores", e.Cores)
	}
	end := time.Duration(0)
	for i, b := range e.Load {
		if b.Span <= 0 || b.At < end {
			return fmt.Errorf("environment: bucket %d is at %v for %v, the one before it ends at %v", i, b.At, b.Span, end)
		}
		end = b.At + b.Span
		for _, l := range b.Load {
			if l.Rival < 0 || l.Rival >= len(e.Rivals) {
				return fmt.Errorf("environment: bucket %d has load of rival %d of %d", i, l.Rival, len(e.Rivals))
			}
			if !(l.CPU >= 0 && l.Runnable >= l.CPU && l.Threads >= 1) {
				return fmt.Errorf("environment: in bucket %d rival %d has %d threads, of which %v want a CPU and %v have one", i, l.Rival, l.Threads, l.Runnable, l.CPU)
			}
			if !(l.Busy >= 0 && l.Busy <= l.Threads && l.BusyCPU >= 0 && l.BusyCPU <= l.CPU) {
				return fmt.Errorf("environment: in bucket %d of %d threads of rival %d that have %v, %d are busy and have %v", i, l.Threads, l.Rival, l.CPU, l.Busy, l.BusyCPU)
			}
		}
	}
	for _, r := range e.Rivals {
		if err := r.check(); err != nil {
			return err
		}
	}
	if err := e.config(true).Check(); err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	return nil
}

func (p Place) check() error {
	for _, g := range p.Path {
		if err := g.config(g.Name).Check(); err != nil {
			return fmt.Errorf("environment: %w", err)
		}
	}
	return nil
}
