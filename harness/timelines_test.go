package harness

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/butfor/butfor/harness/scenario"
)

// TestTimelines plays the scripts in testdata and compares what comes out with
// what stands there, to the letter. They are written to be read: prose, a
// command with its input, ----, and what it says.
//
//	scenario                  the settings, in the YAML of scenario files; what
//	                          is not said of the world is that it is virtual
//	run [SUBJECT] [width=N] [quiet]
//	                          plays them, on another pool if one is named, twice,
//	                          and prints the timeline unless it is to be quiet
//	verdict                   what the judge says of the run
//	claim FINDING [variant=(…)] [boot=1s]
//	                          whether settings, figures and verdict of the run are
//	                          those of the catalogue, for starts that take so long
//	hash [times=N]            plays them so often again, and counts traces alike
//
// With -tags butfor_points who goes first inside of our own pool is drawn, too:
// its timelines are played, but not compared.
//
// Two runs of a file that differ in anything that was seen fail it. What has
// changed on purpose is written anew by
//
//	go test ./harness -run Timelines -rewrite
//
// and is then a diff to be read before it is committed.
func TestTimelines(t *testing.T) {
	text.OverrideRuneWidthEastAsianWidth(false) // lines break where they do, whatever the locale
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Log("if that is as it is to be: go test ./harness -run Timelines -rewrite")
				}
			})
			s := &script{name: filepath.Base(path)}
			datadriven.RunTest(t, path, s.command)
		})
	}
}

// A script is what is known while a file is played.
type script struct {
	name     string
	scenario Scenario
	result   Result // of the last run
}

func (s *script) command(t *testing.T, d *datadriven.TestData) string {
	handle, ok := map[string]func(*testing.T, *datadriven.TestData) (string, error){
		"scenario": s.settings,
		"run":      s.run,
		"verdict":  s.verdict,
		"claim":    s.claim,
		"hash":     s.hash,
	}[d.Cmd]
	if !ok {
		d.Fatalf(t, "no command is called %s", d.Cmd)
	}
	if d.Cmd != "scenario" && s.scenario.Subject.Open == nil {
		d.Fatalf(t, "a scenario must come first")
	}
	out, err := handle(t, d)
	if err != nil {
		return "error: " + err.Error()
	}
	return out
}

// play plays the scenario once.
func (s *script) play(t *testing.T, sc Scenario) Result {
	t.Helper()
	r, err := runIn(t.Context(), t, sc)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return r
}

// ran is the last run of the script.
func (s *script) ran() (*scenario.Record, error) {
	if s.result.Record == nil {
		return nil, errors.New("nothing has been run yet")
	}
	return s.result.Record, nil
}
