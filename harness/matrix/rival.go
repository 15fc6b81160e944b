package matrix

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// Evidence is what the rivals go by.
type Evidence struct {
	Reruns    int     `json:"reruns"`    // of Reruns runs on a calm machine, so many failed
	Throttled int     `json:"throttled"` // of as many with workers that get a tenth of a core
	Patient   bool    `json:"patient"`   // it fails with three times the time, too
	Pressure  float64 `json:"pressure"`  // the share of the time that workers wanted a CPU in which they waited for one
}

// Reruns is how often a rival runs a test again.
const Reruns = 3

// ThrottledCores is what a worker gets where a rival throttles it.
const ThrottledCores = .1

// A Rival is a rule of thumb by which a failure is put down to code or
// environment.
type Rival struct {
	Name string
	Rule string // in words
	call func(e Evidence) Class
}

func called(environment bool) Class {
	if environment {
		return CalledEnv
	}
	return CalledCode
}

// Rivals are those that the judge is held against. The threshold of CPU pressure is
// the best for the cases that may be tuned on. On real workers it is the only one:
// the others want further runs, for which there is no time.
func Rivals(outcomes []Outcome) []Rival {
	threshold := bestThreshold(outcomes)
	all := []Rival{
		{"rerun-and-see", "environment if one of three reruns on a calm machine passes", func(e Evidence) Class { return called(e.Reruns < Reruns) }},
		{"timeout-x-3", "environment if it passes with three times the time", func(e Evidence) Class { return called(!e.Patient) }},
		{"cpu-pressure", fmt.Sprintf("environment if workers waited for a CPU for more than %.0f %% of the time that they wanted one, the best threshold that tuning finds", 100*threshold), func(e Evidence) Class { return called(e.Pressure > threshold) }},
		{"throttled-versus-not", "environment if more of three runs with throttled workers fail than of three without", func(e Evidence) Class { return called(e.Throttled > e.Reruns) }},
	}
	if onRealWorkers(outcomes) {
		return all[2:3]
	}
	return all
}

// bestThreshold is the pressure above which to call a failure the environment's:
// of all that tell cases apart the one with the best macro-F1 where tuning is
// allowed.
func bestThreshold(outcomes []Outcome) (best float64) {
	var tuned []Outcome
	values := []float64{0}
	for _, o := range outcomes {
		if o.Counts() && !o.LeftOut() {
			tuned = append(tuned, o)
			values = append(values, o.Evidence.Pressure)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	const most = 200 // thresholds are tried
	highest := -1.
	for i := range min(most, len(values)) {
		v := values[i*len(values)/min(most, len(values))]
		s := Score{}
		for _, o := range tuned {
			s.add(o.Truth, called(o.Evidence.Pressure > v))
		}
		if f := s.MacroF1(); f > highest {
			best, highest = v, f
		}
	}
	return best
}

// Pressure is the share of the time that a run's workers wanted a CPU in which they
// waited for one.
func Pressure(r *scenario.Record) float64 {
	type used struct{ had, waited float64 }
	last := map[string]used{}
	for _, e := range r.Events {
		if e.Worker != "" && e.OnCPU+e.Delay > 0 {
			last[e.Worker] = used{e.OnCPU.Seconds(), e.Delay.Seconds()}
		}
	}
	var had, waited float64
	for _, w := range r.Workers() { // in order: sums of floats hang on it
		had, waited = had+last[w.ID].had, waited+last[w.ID].waited
	}
	if had+waited == 0 {
		return 0
	}
	return waited / (had + waited)
}
