// Package report prints what came out: for a terminal and as JSON Lines. What
// to print is decided by who calls it; nothing is judged here.
package report

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
)

// An Other is what was said of one of a run's other pools.
type Other struct {
	Subject   string        `json:"subject"`
	Verdict   scenario.Word `json:"verdict"`
	Mechanism string        `json:"mechanism"`
	Reason    string        `json:"reason"`
}

// A Line is one result as JSON: the fields that people rely on from outside.
type Line struct {
	Finding   string             `json:"finding"`
	File      string             `json:"file,omitempty"` // that the scenario stands in, if it is none of the catalogue's
	Kind      string             `json:"kind"`
	Variant   string             `json:"variant,omitempty"`
	Claim     string             `json:"claim,omitempty"`
	Truth     string             `json:"truth,omitempty"`
	Unreal    string             `json:"unreal,omitempty"` // why no real workers show the finding, if none do
	Set       string             `json:"set,omitempty"`    // what of its figures in virtual time is set, and not measured
	Subject   string             `json:"subject"`
	World     string             `json:"world"`
	Seed      uint64             `json:"seed"`
	Verdict   scenario.Word      `json:"verdict"`
	Expected  scenario.Word      `json:"expected"`         // "": nothing is claimed
	Judged    scenario.Word      `json:"judged,omitempty"` // the judge's word on the run, where the verdict is on what it shows
	Mechanism string             `json:"mechanism"`
	Reason    string             `json:"reason"`
	Seconds   float64            `json:"seconds"`
	Hash      string             `json:"hash"`
	Order     string             `json:"order"`
	Figure    string             `json:"figure"`
	Calls     int                `json:"calls"`
	Served    []float64          `json:"served_s"`          // from arrival, shortest first
	UnitS     float64            `json:"unit_s"`            // that the figure is told in
	Unit      string             `json:"unit,omitempty"`    // its name, if it has one
	Deadline  float64            `json:"deadline_s"`        // from arrival
	Problems  []string           `json:"problems"`          // what came out otherwise than claimed
	Between   []string           `json:"between,omitempty"` // ... and between it and other cases of its finding
	Beside    string             `json:"beside,omitempty"`  // what shows that something else wanted the CPUs, where that was looked for
	Safety    []string           `json:"safety,omitempty"`
	Evidence  []scenario.Figure  `json:"evidence,omitempty"`
	Path      []scenario.Segment `json:"path,omitempty"`
	Table     *scenario.Table    `json:"table,omitempty"`
	Latent    []scenario.Latent  `json:"latent,omitzero"` // nil if it was not looked for
	Others    []Other            `json:"others,omitempty"`
	// Of a replay of a recorded run: how it is held against that.
	Compared *scenario.Comparison `json:"compared,omitempty"`
	// Why it may differ from what it is held against without anybody's fault: from
	// a recorded run, or from the one that its order was written down of.
	Doubts []string `json:"doubts,omitempty"`
}

// AsExpected says whether all that is claimed of a result came out.
func (l Line) AsExpected() bool { return len(l.Problems)+len(l.Between) == 0 }

// Otherwise are all that did not, for people.
func (l Line) Otherwise() []string { return slices.Concat(l.Problems, l.Between) }

// Name names its case.
func (l Line) Name() string { return findings.Name(l.Finding, l.Subject, l.Variant) }

// JSON writes one value as a line.
func JSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
