package main

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/internal/page"
)

func TestThePageOfFaultsIsAsTheCodeHasIt(t *testing.T) {
	all, err := faults.Abouts()
	if err != nil {
		t.Fatal(err)
	}
	want, err := faultsPage(all, "../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := page.Read("../../docs/faults.md", faultsPart)
	if err != nil || strings.TrimSpace(string(want)) != string(got) {
		t.Errorf("docs/faults.md is stale: run make faults (%v)", err)
	}
}

func TestFaultsAreListedWithTheirSettings(t *testing.T) {
	s := butfor(t, "faults")
	for _, name := range faults.Names() {
		if !strings.Contains(s.stdout, name) {
			t.Errorf("%s is not listed", name)
		}
	}
	s = butfor(t, "faults", "bit-flip")
	if s.status != 0 || !strings.Contains(s.stdout, "bit (integer)") || strings.Contains(s.stdout, "hangs") {
		t.Errorf("status %d: %s", s.status, s.stdout)
	}
	if s := butfor(t, "faults", "--json", "hangs"); s.status != 0 || strings.Count(s.stdout, "\n") != 1 || !strings.Contains(s.stdout, `"name":"how"`) {
		t.Errorf("status %d: %s", s.status, s.stdout)
	}
	if s := butfor(t, "faults", "mishap"); s.status != 2 || !strings.Contains(s.stderr, "there are bit-flip") {
		t.Errorf("status %d: %s", s.status, s.stderr)
	}
}
