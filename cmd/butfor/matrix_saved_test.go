package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/matrix"
)

var savedPlan = matrixPlan{World: "virtual", Seeds: 2, Cases: 4}

func caseOf(bug string) matrix.Case {
	return matrix.Case{Bug: bug, Environment: "calm", Load: "burst"}
}

func casesOf(bugs ...string) (all []matrix.Case) {
	for _, b := range bugs {
		all = append(all, caseOf(b))
	}
	return all
}

func outcomeOf(bug string) matrix.Outcome {
	c := caseOf(bug)
	c.Draw, c.Real.Own = 2, time.Second
	return matrix.Outcome{Case: c, Truth: matrix.Code}
}

// savedWith makes a folder that has what came out of cases, by the program p, and gives its
// file too.
func savedWith(t *testing.T, bugs ...string) (dir, path string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new", "matrix")
	s, err := saveMatrix(dir, savedPlan, true) // there is nothing: it begins
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, _, err := s.begin("p", savedPlan, nil); err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs {
		if err := s.write(outcomeOf(b)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, s.path
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestASavedMatrixIsGoneOnWithWhereItWasKilled(t *testing.T) {
	dir, path := savedWith(t, "one", "two", "three")
	whole := text(t, path)
	put(t, path, whole[:len(whole)-5]) // in the midst of the third
	s, err := saveMatrix(dir, savedPlan, true)
	if err != nil {
		t.Fatal(err)
	}
	had, left, err := s.begin("p", savedPlan, casesOf("zero", "one", "two", "three"))
	if err != nil {
		t.Fatal(err)
	}
	if len(had) != 2 || had[0].Bug != "one" || had[1].Draw != 2 || !slices.Equal(left, casesOf("zero", "three")) {
		t.Errorf("had %v, left %v; want one and two, zero and three", had, left)
	}
	if err := s.write(outcomeOf("three")); err != nil {
		t.Fatal(err)
	}
	s.close()
	if again := text(t, path); again != whole {
		t.Errorf("%q; want %q", again, whole)
	}
}

func TestASavedMatrixOfSomethingElseIsLeftAlone(t *testing.T) {
	all := casesOf("one", "two", "three", "four")
	torn := func(text string) string { return text + `{"bug":"thr` }
	for name, test := range map[string]struct {
		spoil   func(text string) string
		flags   matrixPlan
		program string
		cases   []matrix.Case
		anew    bool
		want    string
	}{
		"not asked to":        {anew: true, want: "--resume goes on with it"},
		"of other seeds":      {flags: matrixPlan{World: "virtual", Seeds: 3, Cases: 4}, want: `of "butfor matrix --seed 0 --seeds 2 --cases 4"`},
		"of another world":    {flags: matrixPlan{World: "process", Seeds: 2, Cases: 4}, want: "give these flags"},
		"of other code":       {program: "q", want: "of another version"},
		"of other cases":      {cases: all[:1], want: "two, calm, burst, seed 0 is none of the cases"},
		"somebody's":          {spoil: func(string) string { return "my own\nfile" }, want: "its first line is not the plan of a matrix"},
		"somebody's one line": {spoil: func(string) string { return "{}" }, want: "its first line is not the plan of a matrix"},
		"without a plan":      {spoil: func(text string) string { return text[strings.Index(text, "\n")+1:] }, want: "its first line is not the plan"},
		"foreign":             {spoil: func(text string) string { return text + "{\"kind\":\"arrive\"}\n" }, want: "line 4 is not what came out of a case"},
		"garbage":             {spoil: func(text string) string { return text + "garbage\n" }, want: "line 4 is not what came out of a case"},
		"with more behind":    {spoil: func(text string) string { return strings.TrimSuffix(text, "\n") + " 5\n" }, want: "line 3 is not what came out of a case: there is more"},
		"with one twice":      {spoil: func(text string) string { return text + text[strings.LastIndex(text[:len(text)-1], "\n")+1:] }, want: "line 4: two, calm, burst, seed 0 is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := savedWith(t, "one", "two")
			before := text(t, path)
			if test.spoil != nil {
				before = test.spoil(before)
			}
			before = torn(before)
			put(t, path, before)
			flags, program, cases := savedPlan, "p", all
			if test.flags != (matrixPlan{}) {
				flags = test.flags
			}
			if test.program != "" {
				program = test.program
			}
			if test.cases != nil {
				cases = test.cases
			}
			s, err := saveMatrix(dir, flags, !test.anew)
			if err == nil {
				defer s.close()
				_, _, err = s.begin(program, flags, cases)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v; want it to name the file and say %q", err, test.want)
			}
			if after := text(t, path); after != before {
				t.Errorf("%q; want %q", after, before)
			}
		})
	}
}

func TestASavedMatrixIsOneProgramsAtATime(t *testing.T) {
	dir, _ := savedWith(t)
	s, err := saveMatrix(dir, savedPlan, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := saveMatrix(dir, savedPlan, true); err == nil || !strings.Contains(err.Error(), "another butfor is at it") {
		t.Errorf("%v; want no second one at it", err)
	}
	s.close()
	if s, err = saveMatrix(dir, savedPlan, true); err != nil {
		t.Fatal(err)
	}
	s.close()
}

// A file that was made by a program that never began is no matrix yet.
func TestAMatrixThatNeverBeganIsNoneToGoOnWith(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s, err := saveMatrix(dir, savedPlan, false)
		if err != nil {
			t.Fatal(err)
		}
		s.close()
	}
}

// A line that could not be written whole is not there: what comes after it may fit.
func TestWhatIsSavedOfAMatrixIsWholeLines(t *testing.T) {
	dir, path := savedWith(t, "one")
	before := text(t, path)
	s, err := saveMatrix(dir, savedPlan, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.begin("p", savedPlan, casesOf("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.file.WriteString("half a li"); err != nil { // as a full disk has it
		t.Fatal(err)
	}
	file := s.file
	if s.file, err = os.Open(path); err != nil { // nothing can be written
		t.Fatal(err)
	}
	if err := s.write(outcomeOf("two")); err == nil {
		t.Error("it is saved without being written")
	}
	s.close()
	s.file = file
	if err := s.cut(); err != nil {
		t.Fatal(err)
	}
	if err := s.write(outcomeOf("three")); err != nil {
		t.Fatal(err)
	}
	s.close()
	if after := text(t, path); !strings.HasPrefix(after, before+`{"bug":"three"`) {
		t.Errorf("%q; want three after %q", after, before)
	}
}
