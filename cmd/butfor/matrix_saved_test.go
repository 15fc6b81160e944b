package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/matrix"
)

func outcomesOf(bugs ...string) (all []matrix.Outcome) {
	for _, b := range bugs {
		all = append(all, matrix.Outcome{Case: matrix.Case{Bug: b, Environment: "calm", Load: "burst", Draw: 2, Real: matrix.Real{Scale: .5}}, Truth: matrix.Code})
	}
	return all
}

// savedPlan makes a folder with outcomes of the plan in it.
func savedPlan(t *testing.T, plan matrixPlan, outcomes []matrix.Outcome) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new", "matrix")
	s, err := saveMatrix(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.of(plan); err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if err := s.add(o); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestASavedMatrixIsGoneOnWithWhereItWasKilled(t *testing.T) {
	plan := matrixPlan{Program: "p", World: "virtual", Seeds: 1}
	dir := savedPlan(t, plan, outcomesOf("one", "two", "three"))
	path := filepath.Join(dir, matrixOutcomesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-5], 0o666); err != nil { // in the midst of the third
		t.Fatal(err)
	}
	s, err := saveMatrix(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.of(plan); err != nil {
		t.Fatal(err)
	}
	var cases []matrix.Case
	for _, bug := range []string{"zero", "one", "two", "three"} {
		cases = append(cases, matrix.Case{Bug: bug, Environment: "calm", Load: "burst"})
	}
	had, left := s.split(cases)
	if len(had) != 2 || had[0].Bug != "one" || had[1].Draw != 2 || len(left) != 2 || left[0].Bug != "zero" || left[1].Bug != "three" {
		t.Errorf("had %v, left %v; want one and two, zero and three", had, left)
	}
	if err := s.add(outcomesOf("three")[0]); err != nil {
		t.Fatal(err)
	}
	s.close()
	if again, err := os.ReadFile(path); err != nil || string(again) != string(text) {
		t.Errorf("%v, %q; want %q", err, again, text)
	}
}

func TestASavedMatrixOfSomethingElseIsLeftAlone(t *testing.T) {
	plan := matrixPlan{Program: "p", World: "virtual", Seeds: 1}
	for name, test := range map[string]struct {
		plan  func(*matrixPlan)
		spoil string // is appended
		want  string
	}{
		"of other flags":    {plan: func(p *matrixPlan) { p.Tenth = true }, want: "of other flags"},
		"of other code":     {plan: func(p *matrixPlan) { p.Program = "q" }, want: "of another version"},
		"something foreign": {spoil: "{\"kind\":\"arrive\"}\n", want: "line 2 is no outcome of a case"},
		"garbage":           {spoil: "garbage\n", want: "line 2 is no outcome of a case"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := savedPlan(t, plan, outcomesOf("one"))
			path := filepath.Join(dir, matrixOutcomesFile)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before = append(before, test.spoil...)
			if err := os.WriteFile(path, before, 0o666); err != nil {
				t.Fatal(err)
			}
			now := plan
			if test.plan != nil {
				test.plan(&now)
			}
			s, err := saveMatrix(dir, true)
			if err == nil {
				defer s.close()
				err = s.of(now)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v; want it to name the file and say %q", err, test.want)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("%v, %q; want %q", err, after, before)
			}
		})
	}
}

func TestASavedMatrixIsOneProgramsAtATime(t *testing.T) {
	dir := savedPlan(t, matrixPlan{}, nil)
	if _, err := saveMatrix(dir, false); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("%v; want it to say what goes on with a folder that is there", err)
	}
	s, err := saveMatrix(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := saveMatrix(dir, true); err == nil || !strings.Contains(err.Error(), "another butfor") {
		t.Errorf("%v; want no second one at it", err)
	}
	s.close()
	if s, err = saveMatrix(dir, true); err != nil {
		t.Fatal(err)
	}
	s.close()
}
