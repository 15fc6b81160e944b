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

// A Verdict is what the judge says, with what it says it of.
type Verdict struct {
	Word      Word      `json:"verdict"`
	Mechanism string    `json:"mechanism"`          // what the time of the latest call went to, in excess of the reference
	Reason    string    `json:"reason"`             // the sentence a person would say
	Safety    []string  `json:"safety,omitempty"`   // what must never happen, and did
	Evidence  []Figure  `json:"evidence,omitempty"` // every figure that was used
	Path      []Segment `json:"path,omitempty"`     // the latest call's time, piece by piece
}

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
	Reference *Record // the run of the ideal pool that it was held against; nil if none was needed
	Seconds   float64 // that the whole took
	Hash      string  // of the trace
	Order     string  // how far the order was controlled: edges, points, none
}
