package findings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
)

// A Health is what pools say that are asked how they are.
type Health string

// What a case may claim of that. A pool is well that has Size ready workers.
const (
	AlwaysWell Health = "always well" // each time, and the last time with fewer
	AsItIs     Health = "as it is"
)

// A diagnosis is what a pool said once, and how it was.
type diagnosis struct {
	err   string // "" for well
	ready int    // workers, of size
	size  int
}

func (d diagnosis) well() bool { return d.ready >= d.size }

func (d diagnosis) String() string {
	said := "unwell"
	if d.err == "" {
		said = "well"
	}
	return fmt.Sprintf("%s with %d of %d alive", said, d.ready, d.size)
}

// diagnoses are those of a run. The workers are counted at their ports.
func diagnoses(r *scenario.Record) (all []diagnosis) {
	ready := map[string]bool{}
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Ready:
			ready[e.Worker] = true
		case scenario.Exit:
			delete(ready, e.Worker)
		case scenario.Health:
			all = append(all, diagnosis{e.Err, len(ready), r.Size})
		}
	}
	return all
}

// of says whether that is what was said.
func (h Health) of(said []diagnosis) bool {
	if len(said) == 0 || h == AlwaysWell && said[len(said)-1].well() {
		return false
	}
	return !slices.ContainsFunc(said, func(d diagnosis) bool {
		return (d.err == "") != (h == AlwaysWell || d.well())
	})
}

// diagnosed is what a pool said of itself, in words.
func diagnosed(r *scenario.Record) string {
	var words []string
	for _, d := range diagnoses(r) {
		words = append(words, d.String())
	}
	return "asked how it is: " + strings.Join(words, ", ")
}
