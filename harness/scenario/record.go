package scenario

import (
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
)

// A Kind says what an event is.
type Kind string

// What is seen at the edges of a pool. Calls go in at one edge, ports out at
// the other.
const (
	Open          Kind = "open"           // the subject begins to open
	Opened        Kind = "opened"         // it has; Err if it could not
	Warming       Kind = "warming"        // workers are being warmed
	Warmed        Kind = "warmed"         // they are; Err if they could not be
	Go            Kind = "go"             // the clients' clock starts
	Arrive        Kind = "arrive"         // a call has arrived, whether the pool is open or not
	Begin         Kind = "begin"          // it is made
	Return        Kind = "return"         // it has come back; Err if it failed
	ClientDied    Kind = "client-died"    // a client is no more
	SessionEnding Kind = "session-ending" // the pool is being told that a session is over
	SessionEnded  Kind = "session-ended"  // it has been; Err if it could not
	SessionCalls  Kind = "session-calls"  // as the pool says once the workload is over, a session has made N; Err if it knows of none
	Health        Kind = "health"         // asked how it is, the pool says that it is well; Err if something is wrong, or nobody can ask it
	Burnt         Kind = "burnt"          // as the pool says once the workload is over, it has had so much CPU itself; not there if it had none, or can't say
	Launch        Kind = "launch"         // a worker is being launched
	Launched      Kind = "launched"       // it has been; Err if it could not
	Send          Kind = "send"           // a frame went to a worker; said again with Err if it did not after all
	Recv          Kind = "recv"           // a frame came from a worker
	Ready         Kind = "ready"          // a worker's hello came
	Exit          Kind = "exit"           // a worker's process is gone and reaped
	Probing       Kind = "probing"        // the workload is over; capacity is being probed
	Probed        Kind = "probed"         // it has been; N is how many were held at once
	Close         Kind = "close"          // the subject begins to close
	Closed        Kind = "closed"         // it has; Err if it could not
	Left          Kind = "left"           // something is left behind; Text says what
	Outlived      Kind = "outlived"       // a worker is; since its pool closed it has had so much CPU, and written N bytes to its stderr
	Fault         Kind = "fault"          // a fault fired, or one that lasts began; Fault names it, N is its place in the plan
	FaultOver     Kind = "fault-over"     // one that lasts is over
	Victim        Kind = "victim"         // a call can't be answered because of a fault
)

// An Event is one thing seen. Only the fields that say something are set.
type Event struct {
	At        time.Duration `json:"at_ns"`          // since the run began
	Pool      int           `json:"pool,omitempty"` // of the scenario's others, from 1; 0: the one on trial
	Kind      Kind          `json:"kind"`
	Call      string        `json:"call,omitempty"`
	Client    string        `json:"client,omitempty"`
	Worker    string        `json:"worker,omitempty"`
	Command   string        `json:"command,omitempty"`
	Session   string        `json:"session,omitempty"`      // of a call, or of a frame
	ID        int64         `json:"id,omitempty"`           // of a frame
	PID       int           `json:"pid,omitempty"`          // of a worker
	OnCPU     time.Duration `json:"on_cpu_ns,omitempty"`    // that the worker has had since its launch, or the pool itself
	Delay     time.Duration `json:"run_delay_ns,omitempty"` // that it could run and waited for a CPU
	Throttled time.Duration `json:"throttled_ns,omitempty"` // of Delay: a CPU quota of its own kept it from running
	Engine    time.Duration `json:"engine_ns,omitempty"`    // of a launch: what a container engine took of it
	Killed    time.Duration `json:"killed_ns,omitempty"`    // of an exit: since the run began, when the worker was killed, if that was before; 0: it was gone at once, or who launched it did not kill it, but asked it to end at most
	N         int           `json:"n,omitempty"`
	Text      string        `json:"text,omitempty"`
	Err       string        `json:"error,omitempty"`
	Fault     string        `json:"fault,omitempty"`
	Probe     bool          `json:"probe,omitempty"`   // the call is a probe of the capacity
	Extra     bool          `json:"extra,omitempty"`   // the call is none of the workload's: a fault has it made
	Excused   bool          `json:"excused,omitempty"` // the scenario itself ended the call, or of a stop the run
	Asked     bool          `json:"asked,omitempty"`   // of an exit, or of a launch that failed: whoever launched the worker had called it off
	Wrong     bool          `json:"wrong,omitempty"`   // the answer is not the one that the worker gave to this call, or as Text says not what its session had left
	Mute      bool          `json:"mute,omitempty"`    // of a frame: an error is the right answer, and one that the pool has its workers keep to themselves
	Right     bool          `json:"right,omitempty"`   // the error is the right answer, and the one that the worker gave to this call
	Lost      bool          `json:"lost,omitempty"`    // the call never came back, also after its ctx had ended
}

// A Record is what was seen of one run.
type Record struct {
	Subject  string        `json:"subject"`
	Seed     uint64        `json:"seed"`
	Size     int           `json:"size"`
	Overflow int           `json:"overflow"`
	Cores    float64       `json:"cores"`
	Deadline time.Duration `json:"deadline_ns"`
	Patience time.Duration `json:"patience_ns"`
	Late     time.Duration `json:"harness_late_ns"`    // the most by which the harness saw late that a time was up
	Order    string        `json:"order"`              // how far it was controlled: edges, points, none
	Choices  []int         `json:"choices,omitempty"`  // of the schedule, in virtual time: see scenario.Order
	Stranded bool          `json:"stranded,omitempty"` // goroutines of the run are still in the program
	// Environment is what the run met; nil if that is not known.
	Environment *Environment `json:"environment,omitempty"`
	// Faults is what became of each fault of the plan.
	Faults []faults.Report `json:"faults,omitempty"`
	// Others are the records of the run's other pools.
	Others []*Record `json:"others,omitempty"`
	Events []Event   `json:"-"`
}

// A Call is what became of one call.
type Call struct {
	ID, Client string
	Arrived    time.Duration // all since the run began
	Sent       time.Duration // the first frame that carried it; 0 if none did
	Ended      time.Duration // -1 if it never was
	Worker     string        // that it was first sent to
	Err        string        // "" if it was right
	Took       time.Duration // from arrival to end
	Missed     bool          // no right answer by the deadline
	Excused    bool          // the scenario itself ended it, or a fault did and its error came by the deadline
	Lost       bool
	Wrong      bool
}

// Calls lists the workload's calls in the order of their arrival.
func (r *Record) Calls() []Call { return r.calls(false) }

// Extra lists those that faults had made beside them. None of them is Missed: nobody
// is held to answer it.
func (r *Record) Extra() []Call { return r.calls(true) }

func (r *Record) calls(extra bool) []Call {
	at := map[string]int{}
	var calls []Call
	victims := map[string]bool{}
	for _, e := range r.Events {
		if e.Kind == Victim { // its error may have come back before
			victims[e.Call] = true
		}
	}
	for _, e := range r.Events {
		switch {
		case e.Probe, e.Extra != extra, e.Call == "", e.Kind == Fault, e.Kind == FaultOver, e.Kind == Victim:
			continue
		}
		i, ok := at[e.Call]
		if !ok {
			i = len(calls)
			at[e.Call] = i
			calls = append(calls, Call{ID: e.Call, Client: e.Client, Arrived: e.At, Ended: -1})
		}
		c := &calls[i]
		switch e.Kind {
		case Send:
			if e.Err == "" && c.Worker == "" {
				c.Worker, c.Sent = e.Worker, e.At
			} else if e.Err != "" && c.Worker == e.Worker {
				c.Worker, c.Sent = "", 0
			}
		case Return:
			c.Ended, c.Took = e.At, e.At-c.Arrived
			c.Err, c.Excused, c.Wrong, c.Lost = e.Err, e.Excused, e.Wrong, e.Lost
			if e.Right {
				c.Err = ""
			}
			if victims[e.Call] && e.Err != "" && !e.Right && !e.Lost && c.Took <= r.Deadline {
				c.Excused = true // nobody could have answered it, and its caller was told in time
			}
			c.Missed = !extra && !c.Excused && (c.Err != "" || c.Wrong || c.Lost || c.Took > r.Deadline)
		}
	}
	return calls
}

func (c *Call) served() bool {
	return c.Ended >= 0 && c.Err == "" && !c.Wrong && !c.Lost && !c.Excused
}

// Served are the times, from arrival, of the calls that had a right answer,
// shortest first: by their deadline or not.
func (r *Record) Served() []time.Duration {
	var took []time.Duration
	for _, c := range r.Calls() {
		if c.served() {
			took = append(took, c.Took)
		}
	}
	slices.Sort(took)
	return took
}

// Misses counts the calls without a right answer by their deadline.
func (r *Record) Misses() (n int) {
	for _, c := range r.Calls() {
		if c.Missed {
			n++
		}
	}
	return n
}

// A Worker is what became of one worker.
type Worker struct {
	ID                      string
	Launched, Ready, Exited time.Duration // since the run began; -1 if it never was
	OnCPU, Delay, Throttled time.Duration // until it was ready, or until it ended if it never was
	Calls                   int           // the workload's, that were sent to it

	engine [3]time.Duration // CPU that the engine had in its process, the wait for one, and of that by a quota
}

// has notes what it has had by an event of its start, without what a container engine had
// in the same process before.
func (w *Worker) has(e Event) {
	w.OnCPU, w.Delay, w.Throttled = max(0, e.OnCPU-w.engine[0]), max(0, e.Delay-w.engine[1]), max(0, e.Throttled-w.engine[2])
}

// Workers lists all that were launched, in order.
func (r *Record) Workers() []Worker {
	at := map[string]int{}
	var workers []Worker
	for _, e := range r.Events {
		if e.Kind == Launch {
			at[e.Worker] = len(workers)
			workers = append(workers, Worker{ID: e.Worker, Launched: e.At, Ready: -1, Exited: -1})
			continue
		}
		i, ok := at[e.Worker]
		if !ok {
			continue
		}
		w := &workers[i]
		switch e.Kind {
		case Ready:
			w.Ready = e.At
			w.has(e)
		case Exit:
			w.Exited = e.At
			if w.Ready < 0 {
				w.has(e)
			}
		case Launched:
			w.engine = [3]time.Duration{e.OnCPU, e.Delay, e.Throttled}
			if e.Err != "" {
				w.Exited = e.At
			}
		case Send:
			if e.Call != "" && !e.Probe && !e.Extra {
				if e.Err == "" {
					w.Calls++
				} else {
					w.Calls--
				}
			}
		}
	}
	return workers
}

// First is the first event of a kind, and whether there is one.
func (r *Record) First(k Kind) (Event, bool) {
	for _, e := range r.Events {
		if e.Kind == k {
			return e, true
		}
	}
	return Event{}, false
}

// MetByClients is the run's environment without the load from outside that came once all
// clients were through. Hogs that a fault set on the workload ended then; for a pool that
// takes longer they go on, as all load does beyond its recording.
func (r *Record) MetByClients() *Environment {
	end, ok := r.Through()
	if r.Environment == nil || !ok {
		return r.Environment
	}
	e, n := *r.Environment, 0
	for n < len(e.Load) && e.Load[n].At < end {
		n++
	}
	e.Load = slices.Clone(e.Load[:n])
	if n > 0 {
		e.Load[n-1].Span = min(e.Load[n-1].Span, end-e.Load[n-1].At)
	}
	return &e
}

// Through is when all clients were, and whether they ever were: what comes then is the
// harness's doing.
func (r *Record) Through() (time.Duration, bool) {
	e, ok := r.First(Probing)
	if !ok {
		e, ok = r.First(Close)
	}
	return e.At, ok
}
