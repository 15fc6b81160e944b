//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/findings"
)

func TestTheHeadlineFindingsAreAFewOfThoseThatRunOnRealWorkers(t *testing.T) {
	s := butfor(t, "run", "--quick", "--world", "virtual", "--json")
	if s.status != 0 {
		t.Fatalf("status %d: %s", s.status, s.stderr)
	}
	var ran []string
	for _, o := range objects(t, s.stdout) {
		if id := o["finding"].(string); !slices.Contains(ran, id) {
			ran = append(ran, id)
		}
	}
	var quick []string
	for _, f := range findings.All() {
		if !f.Quick {
			continue
		}
		quick = append(quick, f.ID)
		if !slices.Contains(f.Worlds, "process") {
			t.Errorf("%s does not run on real workers", f.ID)
		}
	}
	if !slices.Equal(ran, quick) || len(quick) == 0 || len(quick) > 10 {
		t.Errorf("ran %q, the headline ones are %q", ran, quick)
	}
	if s := butfor(t, "run", "--quick", "serial-start"); s.status != 2 || !strings.Contains(s.stderr, "--quick") {
		t.Errorf("status %d: %s", s.status, s.stderr)
	}
}
