//go:build linux

package verdict_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// seen has the tests and specs below do what they do when a verdict is not the one
// that passes. They run in a process of their own.
const seen = "BUTFOR_TEST_OF_A_TRIAL"

func TestThatDoesNotPass(t *testing.T) {
	if os.Getenv(seen) == "" {
		t.Skip("run by TestWhatDoesNotPassFailsOrIsSkippedWithItsReason")
	}
	out := os.Getenv(seen)
	t.Run("it's the code", func(t *testing.T) { harness.Trial{Out: out}.Run(t, cold(serial)) })
	t.Run("skip it", func(t *testing.T) { harness.Trial{SkipEnvironmental: true}.Run(t, busy(subject.Ours())) })
	t.Run("fail it", func(t *testing.T) { harness.RunT(t, busy(subject.Ours())) })
}

var _ = Describe("what does not pass", func() {
	if os.Getenv(seen) == "" {
		return
	}
	It("fails, as it's the code", func() { harness.Trial{T: suiteT}.Run(GinkgoT(), cold(serial)) })
	It("is skipped", func() {
		harness.Trial{T: suiteT, SkipEnvironmental: true}.Run(GinkgoT(), busy(subject.Ours()))
	})
	It("fails without a T", func() { harness.Trial{}.Run(GinkgoT(), cold(serial)) })
})

// doesNotPass runs a command that sees it.
func doesNotPass(t *testing.T, out, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Env = append(os.Environ(), seen+"="+out)
	said, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, said)
	}
	return string(said)
}

func TestWhatDoesNotPassFailsOrIsSkippedWithItsReason(t *testing.T) {
	out := t.TempDir()
	said := doesNotPass(t, out, os.Args[0], "-test.run", "^TestThatDoesNotPass$", "-test.v")
	for _, want := range []string{
		"--- FAIL: TestThatDoesNotPass/it's_the_code", "butfor: architectural: 4 of 4 calls missed the deadline of 3.00 s",
		`-run '^TestThatDoesNotPass$/^it'\''s_the_code$' github.com/butfor/butfor/suites/verdict` + "\n",
		"--- SKIP: TestThatDoesNotPass/skip_it", "--- FAIL: TestThatDoesNotPass/fail_it", "butfor: environmental: ",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	kept, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(kept) != 1 || !strings.Contains(said, "butfor judge '"+kept[0]+"'") {
		t.Fatalf("these runs were kept: %q, %v\n%s", kept, err, said)
	}
	if r, err := harness.Reopen(kept[0]); err != nil || r.Word != scenario.Architectural {
		t.Errorf("it is %s, %v", r.Word, err)
	}
}

func TestASpecThatDoesNotPassSaysSoInTheReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	doesNotPass(t, "yes", os.Args[0], "-test.run", "^TestVerdicts$", "-ginkgo.focus", "what does not pass", "-ginkgo.json-report", path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var reports []types.Report
	if err := json.Unmarshal(text, &reports); err != nil || len(reports) != 1 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	specs := map[string]types.SpecReport{}
	for _, s := range reports[0].SpecReports {
		specs[s.LeafNodeText] = s
	}
	for name, want := range map[string]struct {
		state types.SpecState
		entry scenario.Word
		says  string
	}{
		"fails, as it's the code":           {types.SpecStateFailed, scenario.Architectural, "butfor: architectural: 4 of 4 calls missed"},
		"is skipped":                        {types.SpecStateSkipped, scenario.Environmental, "butfor: environmental: "},
		"fails without a T":                 {types.SpecStateFailed, "", "set Trial.T, in Ginkgo to that of the suite"},
		"keeps its deadline, if it is mine": {types.SpecStateSkipped, "", ""}, // out of focus
	} {
		s := specs[name]
		if s.State != want.state || !strings.Contains(s.Failure.Message, want.says) {
			t.Errorf("%s: %v: %q; want %v and %q", name, s.State, s.Failure.Message, want.state, want.says)
		}
		if want.says != "" && !strings.HasSuffix(s.Failure.Location.FileName, "outcome_test.go") {
			t.Errorf("%s: it is said of %v", name, s.Failure.Location)
		}
		var entry struct{ Subject, World, Verdict, Reason string }
		for _, e := range s.ReportEntries {
			if err := json.Unmarshal([]byte(e.Value.AsJSON), &entry); err != nil {
				t.Error(err)
			}
			if said := e.StringRepresentation(); said != entry.Verdict+": "+entry.Reason {
				t.Errorf("%s: the entry says %q", name, said)
			}
		}
		if entry.Verdict != string(want.entry) || entry.Verdict != "" && (entry.World != "virtual" || entry.Reason == "") {
			t.Errorf("%s: the entry is %+v, want %q", name, entry, want.entry)
		}
	}

	// The command that it names runs the spec, and it alone.
	_, command, _ := strings.Cut(specs["fails, as it's the code"].Failure.Message, "\nagain: ")
	said := doesNotPass(t, "yes", "sh", "-c", command)
	if ran := regexp.MustCompile(`Ran \d+ of \d+ Specs`).FindString(said); !strings.HasPrefix(ran, "Ran 1 of ") || !strings.Contains(said, "butfor: architectural: 4 of 4") {
		t.Errorf("%s\n%s", command, said)
	}
}
