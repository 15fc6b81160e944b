package scenario

import "testing"

func TestARunIsAstrayWhereItsTraceIsNotTheOneOfItsChoices(t *testing.T) {
	for name, c := range map[string]struct {
		of, hash, order string
		astray          bool
	}{
		"the same":                {"a", "a", "edges", false},
		"another":                 {"a", "b", "edges", true},
		"nobody wrote it down":    {"", "b", "edges", false},
		"it never ended":          {"a", "", "edges", false},
		"real time has no order":  {"a", "b", "none", false},
		"with points in the pool": {"a", "b", "points", true},
	} {
		r := Result{Scenario: Scenario{Order: Order{Choices: []int{}, Trace: c.of}}, Hash: c.hash, Order: c.order}
		if got := r.Astray(); (got != "") != c.astray {
			t.Errorf("%s: %q", name, got)
		}
	}
}
