package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// RunT runs a scenario in a test and fails it if the verdict is anything but
// sound, with the reason; an error of the lab itself ends the test. The result
// is there to be looked at further.
func RunT(t *testing.T, sc Scenario) Result {
	t.Helper()
	return Trial{}.Run(t, sc)
}

// TryT is RunT for a test that makes up its own mind about the verdict.
func TryT(t *testing.T, sc Scenario) Result {
	t.Helper()
	return Trial{T: t}.try(t, sc)
}

// A Trial says how a test takes a verdict. The zero value is that of RunT. Of
// several in one program each may go on beside the others; in the process world
// they then compete for the machine.
type Trial struct {
	// T is where time is virtual: runs in that world, and the replays of any. nil:
	// the test that Run is given. A spec of Ginkgo's is no *testing.T: there it is
	// the suite's.
	T *testing.T
	// Expected is the verdict that passes; "" means sound.
	Expected scenario.Word
	// SkipEnvironmental has the verdict environmental skip the test, with the
	// reason, in place of failing it.
	SkipEnvironmental bool
	// Out is a folder below which a run that does not pass is saved as a bundle,
	// for butfor judge; "": it is not.
	Out string
	// Patience is how long a run in virtual time may take in real time before it
	// counts as stuck; 0: a minute. A run takes milliseconds.
	Patience time.Duration
}

// A Test is what a trial needs of one: a *testing.T, or what Ginkgo's GinkgoT()
// gives.
type Test interface {
	Helper()
	Name() string
	Context() context.Context
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Run runs a scenario and tells the test what came out: in its log, or as an entry
// of Ginkgo's report. Unless the verdict is the expected one the test fails, or is
// skipped if that was asked for, with the reason and the command that runs it
// again. An error of the lab itself ends the test.
func (tr Trial) Run(t Test, sc Scenario) Result {
	t.Helper()
	if own, ok := t.(*testing.T); ok && tr.T == nil {
		tr.T = own
	}
	r := tr.try(t, sc)
	e := entry{r.Record.Subject, r.Scenario.World, r.Record.Seed, r.Verdict}
	if spec, ok := t.(reporter); ok {
		spec.AddReportEntryVisibilityFailureOrVerbose("butfor: "+e.Subject, e)
	}
	expected := cmp.Or(tr.Expected, scenario.Sound)
	if r.Word == expected {
		t.Logf("butfor: %s: %v", e.Subject, e)
		return r
	}
	said := fmt.Sprintf("butfor: %s: %s", r.Word, r.Reason)
	if tr.Expected != "" {
		said = fmt.Sprintf("butfor: %s, expected %s: %s", r.Word, expected, r.Reason)
	}
	said += "\nagain: " + onceMore(tr.T, t)
	if tr.Out != "" {
		said += "\n" + tr.keep(t, r)
	}
	if tr.SkipEnvironmental && r.Word == scenario.Environmental {
		t.Skipf("%s", said)
	}
	t.Errorf("%s", said)
	return r
}

// try runs a scenario; the lab's own errors end the test.
func (tr Trial) try(t Test, sc Scenario) Result {
	t.Helper()
	if tr.T == nil {
		t.Fatalf("butfor: replays need a *testing.T: set Trial.T, in Ginkgo to that of the suite")
	}
	sc.Name = cmp.Or(sc.Name, t.Name())
	r, err := tr.bounded(t.Context(), sc)
	if err != nil {
		t.Fatalf("butfor: %v", err)
	}
	return r
}

// bounded runs a scenario, and does not wait for a bubble that hangs.
func (tr Trial) bounded(ctx context.Context, sc Scenario) (Result, error) {
	if sc.World != virtual.Name {
		return runIn(ctx, tr.T, sc)
	}
	patience := cmp.Or(tr.Patience, stuckAfter)
	late := time.NewTimer(patience)
	defer late.Stop()
	type outcome struct {
		result Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: errors.New("the run ended its goroutine in place of returning")}
		defer func() { done <- o }()
		o.result, o.err = runIn(ctx, tr.T, sc)
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-late.C:
		return (&fallenError{stuck: true, patience: patience, stderr: string(stacks())}).result(sc), nil
	}
}

// entry is a verdict as Ginkgo's reports have it: as text, and as JSON.
type entry struct {
	Subject string `json:"subject"`
	World   string `json:"world"`
	Seed    uint64 `json:"seed"`
	scenario.Verdict
}

func (e entry) String() string { return fmt.Sprintf("%s: %s", e.Word, e.Reason) }

// A reporter is a spec of Ginkgo's.
type reporter interface {
	AddReportEntryVisibilityFailureOrVerbose(name string, args ...any)
}

// onceMore is the command that runs a test once more: the spec alone, if it is one.
func onceMore(suite *testing.T, t Test) string {
	command, where := []string{"go", "test", "-count=1"}, "."
	if info, ok := debug.ReadBuildInfo(); ok {
		where = cmp.Or(strings.TrimSuffix(info.Path, ".test"), where)
		for _, s := range info.Settings {
			if s.Key == "-tags" || s.Key == "-race" {
				command = append(command, s.Key+"="+s.Value)
			}
		}
	}
	name := regexp.QuoteMeta(suite.Name())
	command = append(command, "-run", quoted("^"+strings.ReplaceAll(name, "/", "$/^")+"$"), where)
	if spec := t.Name(); spec != suite.Name() {
		command = append(command, "-ginkgo.focus", quoted(regexp.QuoteMeta(spec)))
	}
	return strings.Join(command, " ")
}

// quoted is a text as a shell takes it for one word.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// keep saves a run, and says where it is.
func (tr Trial) keep(t Test, r Result) string {
	err := os.MkdirAll(tr.Out, 0o777)
	var dir string
	if err == nil {
		dir, err = os.MkdirTemp(tr.Out, unnamable.ReplaceAllString(t.Name(), "-")+".")
	}
	if err == nil {
		err = trace.Save(dir, r)
	}
	if err != nil {
		return fmt.Sprintf("the run could not be saved: %v", err)
	}
	return "judge it again: butfor judge " + quoted(dir)
}

// unnamable is what no name of a folder ought to have.
var unnamable = regexp.MustCompile(`[^\pL\pN_.]+`)
