package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/internal/settings"
)

const (
	baselineFormat  = "butfor baseline"
	baselineVersion = 1
)

// A Baseline is the results that were agreed to: those that later ones are held
// against. It is written as JSON, a line a result, so that a change of it is a
// difference to be read; it is read as YAML, which JSON is.
type Baseline struct {
	Results []Result
}

// A Result is what is kept of one. All up to Seed say which it is.
type Result struct {
	Finding   string        `json:"finding" yaml:"finding"` // or the name of a scenario
	Variant   string        `json:"variant,omitempty" yaml:"variant"`
	Subject   string        `json:"subject" yaml:"subject"`
	World     string        `json:"world" yaml:"world"`
	Seed      uint64        `json:"seed,omitempty" yaml:"seed"`
	Verdict   scenario.Word `json:"verdict" yaml:"verdict"`
	Mechanism string        `json:"mechanism,omitempty" yaml:"mechanism"`
	Safety    []string      `json:"safety,omitempty" yaml:"safety"` // the kinds of what must never happen, and did
	Latent    []Corner      `json:"latent,omitzero" yaml:"latent"`  // nil: it was not looked for
	// Of another of the run's pools there are no figures: Calls and the rest are 0.
	Calls     int      `json:"calls,omitempty" yaml:"calls"`
	Served    []Figure `json:"served,omitempty" yaml:"served"`       // by when those of them were that were, in units from arrival, shortest first
	Deadline  Figure   `json:"deadline,omitempty" yaml:"deadline"`   // in units
	Unit      string   `json:"unit,omitempty" yaml:"unit"`           // boots, ops, or s
	Tolerance Figure   `json:"tolerance,omitempty" yaml:"tolerance"` // of a time: so many of it, or of a unit if that is more
}

// A Corner is how many calls would miss their deadline at one of the contract's.
type Corner struct {
	Corner string `json:"corner" yaml:"corner"`
	Missed int    `json:"missed" yaml:"missed"`
}

// A Figure is a number from 0 on. It is written without an exponent, of which readers
// of YAML make a word.
type Figure float64

// MarshalJSON implements json.Marshaler.
func (f Figure) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, math.Abs(float64(f)), 'f', -1, 64), nil // no -0
}

// page is a Baseline as it is written.
type page struct {
	Format  string   `yaml:"format"`
	Version int      `yaml:"version"`
	Results []Result `yaml:"results"`
}

// UnmarshalYAML implements yaml.NodeUnmarshaler. What is somebody else's, or newer,
// is told before any of its keys is.
func (b *Baseline) UnmarshalYAML(n ast.Node) error {
	pairs, _ := settings.Pairs(n)
	said := map[string]*ast.MappingValueNode{}
	for _, p := range pairs {
		said[p.Key.GetToken().Value] = p
	}
	format, version := said["format"], said["version"]
	switch {
	case format == nil:
		return settings.At(n, "it is no baseline: it does not say format: %s", baselineFormat)
	case format.Value.GetToken().Value != baselineFormat:
		return settings.At(format.Value, "it is no baseline: its format is %q, not %q", format.Value.GetToken().Value, baselineFormat)
	case version == nil:
		return settings.At(n, "the baseline does not say its version")
	}
	if v, err := strconv.Atoi(version.Value.GetToken().Value); err == nil && v > baselineVersion {
		return settings.At(version.Value, "version is %d: the baseline is of a newer butfor, this one reads up to %d", v, baselineVersion)
	}
	var p page
	if err := settings.Value(n, &p); err != nil {
		return err
	}
	if p.Version != baselineVersion {
		return settings.At(version.Value, "version is %d: it must be %d", p.Version, baselineVersion)
	}
	b.Results = p.Results
	return nil
}

// Parse reads a baseline. Its errors say in which line which key is wrong.
func Parse(text []byte) (b Baseline, err error) {
	root, err := settings.Read(text, &b)
	if err != nil {
		return b, err
	}
	return b, settings.Locate(root, b.check())
}

// Read reads a baseline from disk.
func Read(path string) (b Baseline, err error) {
	text, err := settings.ReadFile(path)
	if err != nil {
		return b, fmt.Errorf("baseline: %w", err)
	}
	b, err = Parse(text)
	return b, settings.In(path, err)
}

// Text is the baseline as it is written.
func (b Baseline) Text() ([]byte, error) {
	var lines []string
	for _, r := range b.Results {
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return nil, err
		}
		lines = append(lines, strings.TrimSpace(line.String()))
	}
	return fmt.Appendf(nil, "{\n\"format\": %q,\n\"version\": %d,\n\"results\": [\n%s\n]\n}\n", baselineFormat, baselineVersion, strings.Join(lines, ",\n")), nil
}

// What a result may hold at most: more than any run has.
const (
	callsMost        = 1 << 20
	unitsMost Figure = 1e9
)

// check says what of a baseline can't be, naming each by its key.
func (b Baseline) check() error {
	var errs []error
	seen := map[string]int{}
	for i, r := range b.Results {
		for _, err := range r.check() {
			errs = append(errs, settings.Below(fmt.Sprintf("results[%d]", i), err))
		}
		if first, twice := seen[r.key()]; twice {
			errs = append(errs, settings.Wrong(fmt.Sprintf("results[%d]", i), "is of %s, as results[%d] is", r, first))
		}
		seen[r.key()] = i
	}
	return errors.Join(errs...)
}

func (r Result) check() (errs []error) {
	bad := func(key, format string, args ...any) { errs = append(errs, settings.Wrong(key, format, args...)) }
	text := func(key, is string, must bool) {
		if must && is == "" || strings.ContainsFunc(is, func(c rune) bool { return !unicode.IsPrint(c) }) {
			bad(key, "is %q: it must be what can be read", is)
		}
	}
	text("finding", r.Finding, true)
	text("variant", r.Variant, false)
	text("subject", r.Subject, true)
	text("mechanism", r.Mechanism, false)
	text("unit", r.Unit, r.Calls > 0)
	for i, s := range r.Safety {
		text(fmt.Sprintf("safety[%d]", i), s, true)
	}
	for i, c := range r.Latent {
		text(fmt.Sprintf("latent[%d].corner", i), c.Corner, true)
		if c.Missed < 1 {
			bad(fmt.Sprintf("latent[%d].missed", i), "is %d: a corner at which nothing is missed is none", c.Missed)
		}
	}
	if !slices.Contains(scenario.Worlds, r.World) {
		bad("world", "is %q: there are %s", r.World, strings.Join(scenario.Worlds, ", "))
	}
	if !slices.Contains(words, r.Verdict) {
		bad("verdict", "is %q, which is no verdict", r.Verdict)
	}
	if r.Calls < len(r.Served) || r.Calls > callsMost {
		bad("calls", "is %d: it must be from %d, as many as were served, to %d", r.Calls, len(r.Served), callsMost)
	}
	for i, x := range r.Served {
		if !(x >= 0 && x <= unitsMost) || i > 0 && x < r.Served[i-1] { // NaN too
			bad(fmt.Sprintf("served[%d]", i), "is %v: times are from 0 to %v, shortest first", x, unitsMost)
		}
	}
	if !(r.Deadline >= 0 && r.Deadline <= unitsMost) {
		bad("deadline", "is %v: it must be from 0 to %v", r.Deadline, unitsMost)
	}
	if r.Calls > 0 && r.Tolerance == 0 || !(r.Tolerance >= 0 && r.Tolerance <= 1) {
		bad("tolerance", "is %v: it must be above 0, and at most 1", r.Tolerance)
	}
	return errs
}

var words = []scenario.Word{
	scenario.Sound, scenario.Architectural, scenario.Environmental, scenario.Amplified, scenario.Overdetermined, scenario.Infeasible, scenario.Inconclusive,
}
