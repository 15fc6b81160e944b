package faults

import (
	"strings"
	"testing"
)

func TestOfEachFaultIsSaidWhatItDoesWhenItFiresAndWhere(t *testing.T) {
	all, err := Abouts()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(Names()) {
		t.Errorf("of %d faults something is said of %d", len(Names()), len(all))
	}
	for _, a := range all {
		last := a.Text[len(a.Text)-1]
		if len(a.Text) < 2 || !strings.Contains(last, "It fires ") || !strings.Contains(last, "It can be used in ") {
			t.Errorf("%s: %q", a.Name, a.Text)
		}
		for _, s := range a.Settings {
			if s.Name == "" || s.Text == "" {
				t.Errorf("%s: %+v", a.Name, s)
			}
		}
	}
}
