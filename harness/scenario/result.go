package scenario

import "time"

// A Word is a verdict in one word.
type Word string

// The verdicts of design: what the judge says of one run.
const (
	Sound          Word = "sound"          // no miss, safe, healed
	Architectural  Word = "architectural"  // the code is the but-for cause
	Environmental  Word = "environmental"  // the environment is
	Amplified      Word = "amplified"      // both are: neither alone suffices
	Overdetermined Word = "overdetermined" // each alone suffices
	Infeasible     Word = "infeasible"     // no pool could keep this deadline
	Inconclusive   Word = "inconclusive"   // Reason says what is missing
)

// What is said of a finding that shows a figure, or a property of a test: no run of it
// is on trial.
const (
	Demonstrated    Word = "demonstrated"
	NotDemonstrated Word = "not demonstrated"
)

// A Verdict is what the judge says, with what it says it of.
type Verdict struct {
	Word      Word      `json:"verdict"`
	Mechanism string    `json:"mechanism"`          // what the time of the latest call went to, in excess of the reference
	Reason    string    `json:"reason"`             // the sentence a person would say
	Safety    []string  `json:"safety,omitempty"`   // what must never happen, and did
	Evidence  []Figure  `json:"evidence,omitempty"` // every figure that was used
	Path      []Segment `json:"path,omitempty"`     // the latest call's time, piece by piece
	Table     *Table    `json:"table,omitempty"`    // the four cells, where it came to that
	// Latent is what this pool would miss at the corners of the contract where ideal
	// ones do not; nil if that was not looked for.
	Latent []Latent `json:"latent,omitzero"`
	// Others are on the run's other pools, in their order: each is judged by itself.
	Others []Verdict `json:"others,omitempty"`
}

// A Latent is what a pool would miss at one corner of its contract where ideal ones
// miss nothing: not of the run, but of what it did not happen to meet.
type Latent struct {
	Corner string `json:"corner"`
	Missed int    `json:"missed"`
	Calls  int    `json:"calls"`
	Reason string `json:"reason"` // the sentence a person would say
}

// A Table is the 2×2 of {this pool, the best of the ideal ones} × {what the run met,
// that clipped to the contract}.
type Table struct {
	This        Cell `json:"this"`
	Ideal       Cell `json:"ideal"`
	ThisInside  Cell `json:"this_inside"`
	IdealInside Cell `json:"ideal_inside"`
	// The share of the misses that would not have been but for the one or the other.
	NeedCode        float64       `json:"need_code"`
	NeedEnvironment float64       `json:"need_environment"`
	Effects         *Effects      `json:"effects,omitempty"` // nil where somebody is never served
	Margin          time.Duration `json:"margin_ns"`         // by which this pool kept the deadline; below 0: missed it; 0 too where somebody is never served
	Seeds           int           `json:"seeds"`             // of each cell
	Band            float64       `json:"band"`              // of the deadline: the word is the same so far to either side
	Winner          string        `json:"winner"`            // the best of the ideal pools
	Ideals          int           `json:"ideals"`            // how many there are
}

// A Cell is one of the four.
type Cell struct {
	Misses float64       `json:"misses"`  // calls without a right answer by the deadline, on average
	Time   time.Duration `json:"time_ns"` // by when all are served if nobody gives up, each since its arrival; Never
}

// Effects say how much of the time is whose: of this pool's code in the contract's
// environment, of the environment on ideal pools, and what both do only together.
type Effects struct {
	Code        time.Duration `json:"code_ns"`
	Environment time.Duration `json:"environment_ns"`
	Both        time.Duration `json:"both_ns"`
}

// Never is when a call is answered that gets no answer.
const Never = time.Duration(1<<63 - 1)

// A Figure is one piece of evidence.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // s, calls, workers, cores, times
}

// A Segment is a stretch of a call's time, and what it was spent on.
type Segment struct {
	What string        `json:"what"`         // one of a small set, so that runs can be compared
	On   string        `json:"on,omitempty"` // the worker or phase it hung on
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
}

// A Result is one scenario's run with its verdict.
type Result struct {
	Verdict
	Scenario  Scenario // as it was run: defaults filled in, the deadline known
	Record    *Record
	Reference *Record // the run of the ideal pool by which its deadline was set; nil if the scenario names one
	Seconds   float64 // that the whole took
	Hash      string  // of the trace
	Order     string  // how far the order was controlled: edges, points, none
}

// Astray says that a run did not go as the one that its choices were written down of;
// "" if it did, or nobody knows, as in real time.
func (r *Result) Astray() string {
	if of := r.Scenario.Order.Trace; of == "" || r.Hash == "" || of == r.Hash || r.Order == "none" {
		return ""
	}
	return "the choices of its order were written down of a run with another trace: pool, butfor, its build tags or what is asked of the run are not what they were"
}
