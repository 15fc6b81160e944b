//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
)

func TestTheCatalogueItselfIsPutToTheTest(t *testing.T) {
	if testing.Short() {
		t.Skip("plays the whole catalogue, for two bugs")
	}
	s := butfor(t, "mutate", "--json", "dead-in-rotation", "orphan-spin")
	if s.status != 0 {
		t.Fatalf("status %d: %s", s.status, s.stderr)
	}
	for _, o := range objects(t, s.stdout) {
		if o["wrong"] != "" || (o["why"] != "") != (o["fails_for"] == "") {
			t.Errorf("%v", o)
		}
		if mine := o["finding"] == "orphan-spin" && o["subject"] == "ours" && o["fails_for"] == ""; mine && (o["other_pool"] == "") != (o["assertion"] == "served") {
			t.Errorf("%v", o)
		}
		if o["finding"] == "dead-in-rotation" && o["subject"] == "V3" && o["fails_for"] != "dead-in-rotation turned" {
			t.Errorf("%v", o)
		}
	}
	if s := butfor(t, "mutate", "nonsense"); s.status != 2 || !strings.Contains(s.stderr, "nonsense") {
		t.Errorf("status %d: %s", s.status, s.stderr)
	}
	if s := butfor(t, "mutate", "orphan-grandchild"); s.status != 2 || !strings.Contains(s.stderr, `orphan-grandchild does not run in world "virtual"`) {
		t.Errorf("a finding of real workers alone: status %d, %s", s.status, s.stderr)
	}
}

func TestAssertionsThatFailForNoBugAreListed(t *testing.T) {
	var b strings.Builder
	tellTried(report.Terminal{Width: 200}, &b, []harness.Tried{
		{Finding: "a", Subject: "ours", Assertion: findings.OfServed, Fails: "lost-wake-up"},
		{Finding: "b", Subject: "ours", Variant: "lazy", Assertion: findings.OfTimes, Bugless: true, Other: "V1"},
		{Finding: "c", Assertion: "between them", Why: "so it is"},
		{Finding: "d", Subject: "V1", Assertion: findings.OfVerdict},
		{Finding: "e", Subject: "V1", Assertion: findings.OfVerdict, Other: "ours"},
	})
	for _, want := range []string{
		"b, ours, lazy: times\n  no bug can be put into its pool; it fails for another: V1\n", "c: between them\n  so it is\n",
		"d, V1: verdict\n  it fails for no bug, and for no other pool", "e, V1: verdict\n  it fails for no bug, only for another pool, ours, and no reason is given why\n", "5 assertions: 1 fail for a bug alone, 2 are wrong\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in %s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "a, ours") {
		t.Errorf("one is listed that fails for a bug: %s", b.String())
	}
}

// What comes of a seed does not hang on the clock of the machine.
func TestTheSameSeedIsReproducedByteForByte(t *testing.T) {
	args := []string{"reproduce", "serial-start", "late-reply", "--seed", "7"}
	one, again := butfor(t, args...), butfor(t, args...)
	if one.status != 0 || one.stdout != again.stdout || one.stdout == "" {
		t.Errorf("status %d:\n%s\nand again %d:\n%s", one.status, one.stdout, again.status, again.stdout)
	}
	if other := butfor(t, append(args[:len(args)-1:len(args)-1], "8")...); other.stdout == one.stdout {
		t.Error("another seed has the same")
	}
}
