package findings

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// unit is in round numbers: a boot is 100 ms.
const unit = 100 * time.Millisecond

var units = Unit{Waits: unit, Computes: 2 * unit, Wait: scenario.Demand{Wait: unit}, Compute: scenario.Demand{CPU: 2 * unit}, Tolerance: Tolerance}

func boots(x float64) time.Duration { return time.Duration(x * float64(unit)) }

// record is a run that began at one boot. Its calls arrived then and were
// served after so many boots; 0 was not served.
func record(served ...float64) *scenario.Record {
	r := &scenario.Record{Deadline: time.Hour, Events: []scenario.Event{{At: unit, Kind: scenario.Open}}}
	for i, x := range served {
		call := fmt.Sprintf("c%d", i+1)
		r.Events = append(r.Events, scenario.Event{At: unit, Kind: scenario.Arrive, Call: call})
		e := scenario.Event{At: unit + boots(x), Kind: scenario.Return, Call: call}
		if x == 0 {
			e.Err = "no"
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// started adds workers that were launched and ready so many boots after the
// pool began to open; a ready below 0 never was. Each took so many calls.
type start struct {
	launched, ready float64
	calls           int
}

func started(r *scenario.Record, starts ...start) *scenario.Record {
	for i, s := range starts {
		id := fmt.Sprintf("w%d", i+1)
		r.Events = append(r.Events, scenario.Event{At: unit + boots(s.launched), Kind: scenario.Launch, Worker: id})
		if s.ready >= 0 {
			r.Events = append(r.Events, scenario.Event{At: unit + boots(s.ready), Kind: scenario.Ready, Worker: id})
		}
		for range s.calls {
			r.Events = append(r.Events, scenario.Event{At: time.Hour, Kind: scenario.Send, Worker: id, Call: "c1"})
		}
	}
	return r
}

// failing is a run whose one caller was told so.
func failing(err string) *scenario.Record {
	r := record(0)
	r.Events[2].Err = err
	return r
}

// failingAt is a run whose callers failed after so many boots, and one more who is excused.
func failingAt(times ...float64) *scenario.Record {
	r := record(append(times, 9)...)
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == scenario.Return {
			e.Err, e.Excused = "no", e.Call == r.Calls()[len(times)].ID
		}
	}
	return r
}

// probed is a run after which so many of its workers could be had at once.
func probed(size, held int) *scenario.Record {
	r := record(0)
	r.Size = size
	r.Events = append(r.Events, scenario.Event{Kind: scenario.Probed, N: held})
	return r
}

func compare(t *testing.T, name string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
	}
}

func TestWhoIsServedIsCheckedWithoutALookAtTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		accept Accept
		record *scenario.Record
		want   []string
	}{
		"all served":                 {Accept{Served: 2}, record(1, 99), nil},
		"one too few":                {Accept{Served: 2}, record(1, 0), []string{"served 1, expected 2"}},
		"one too many":               {Accept{Served: 1}, record(1, 1), []string{"served 2, expected 1"}},
		"nobody, as expected":        {Accept{}, record(0), nil},
		"workers not checked":        {Accept{Served: 1}, started(record(1), start{0, 1, 0}, start{0, 1, 0}), nil},
		"as many workers":            {Accept{Served: 1, Workers: 2}, started(record(1), start{0, 1, 0}, start{0, -1, 0}), nil},
		"another number of workers":  {Accept{Served: 1, Workers: 1}, started(record(1), start{0, 1, 0}, start{0, 1, 0}), []string{"2 workers were started, expected 1"}},
		"used":                       {Accept{Served: 1, Used: 2}, started(record(1), start{0, 1, 1}, start{0, 1, 2}, start{0, 1, 0}), nil},
		"fewer used":                 {Accept{Served: 1, Used: 2}, started(record(1), start{0, 1, 5}, start{0, 1, 0}), []string{"1 workers were used, expected 2"}},
		"as many used":               {Accept{Served: 1, MostUsed: 1}, started(record(1), start{0, 1, 5}, start{0, 1, 0}), nil},
		"more used":                  {Accept{Served: 1, MostUsed: 1}, started(record(1), start{0, 1, 1}, start{0, 1, 1}), []string{"2 workers were used, expected at most 1"}},
		"as many sent":               {Accept{Served: 1, PerCall: 3}, started(record(1), start{0, 1, 2}, start{0, 1, 1}), nil},
		"a few more sent":            {Accept{Served: 8, PerCall: 1}, started(record(repeat(1, 8)...), start{0, 1, 9}), nil},
		"too many sent":              {Accept{Served: 2, PerCall: 1}, started(record(1, 1), start{0, 1, 3}), []string{"1.50 calls were sent to workers for each that clients made, expected 1.00"}},
		"too few sent":               {Accept{Served: 2, PerCall: 2}, started(record(1, 1), start{0, 1, 3}), []string{"1.50 calls were sent to workers for each that clients made, expected 2.00"}},
		"told so":                    {Accept{Told: "gone"}, failing("the worker is gone"), nil},
		"told otherwise":             {Accept{Told: "gone"}, failing("no"), []string{"no caller was told \"gone\""}},
		"as many lost":               {Accept{Lost: 3}, probed(4, 1), nil},
		"fewer lost":                 {Accept{Lost: 3}, probed(4, 2), []string{"after the run 2 of 4 workers could be had at once, expected 1"}},
		"not probed":                 {Accept{Lost: 3}, probed(4, 0), []string{"after the run 0 of 4 workers could be had at once, expected 1"}},
		"one start after another":    {Accept{Served: 1, Serial: true}, started(record(1), start{0, 1, 0}, start{1, 2, 0}, start{2.5, 3, 0}), nil},
		"two starts at once":         {Accept{Served: 1, Serial: true}, started(record(1), start{0, 1, 0}, start{1, 2, 0}, start{1.9, 3, 0}), []string{"w3 was launched while w2 started, expected one start after another"}},
		"a start after one that was": {Accept{Served: 1, Serial: true}, started(record(1), start{0, -1, 0}, start{1, 2, 0}), []string{"w2 was launched while w1 started, expected one start after another"}},
		"all wrong at once": {Accept{Served: 2, Workers: 1, MostUsed: 1, Serial: true}, started(record(1), start{0, 1, 1}, start{0, 1, 1}), []string{
			"served 1, expected 2", "2 workers were started, expected 1", "2 workers were used, expected at most 1", "w2 was launched while w1 started, expected one start after another",
		}},
	} {
		compare(t, name, c.accept.Who(c.record).Texts(), c.want)
	}
}

func TestAProblemNamesItsAssertionAndACaseMakesOnlyThoseThatCanComeOutOtherwise(t *testing.T) {
	all := Accept{Unit: unit, UnitName: "boots", Served: 9, Times: []float64{9}, LastBy: .1, Failed: []float64{9}, Told: "gone", Lost: 9, Workers: 9, Used: 9, MostUsed: 1, PerCall: 9, Ready: []float64{9}, ReadyBy: .1, Serial: true, Together: 1, Health: AsItIs, Order: Lost, Own: new(float64), Orphans: &Orphans{N: 1, Log: 1e9}}
	*all.Own = 1
	r := started(record(1, 2), start{0, 1, 1}, start{0, 2, 1})
	slices.SortStableFunc(r.Events, func(a, b scenario.Event) int { return cmp.Compare(a.At, b.At) })
	r.Events = append(r.Events, outlived(1, 1)...)
	problems := append(all.Who(r), all.When(r, Tolerance)...)
	slices.SortFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Of, b.Of) })
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return a.Of == b.Of })
	made := Case{Expected: scenario.Sound, Mechanism: "a rest", Accept: all}.Assertions()
	if len(made) != len(problems)-1+2 || made[0] != OfVerdict || made[1] != OfMechanism {
		t.Errorf("made: %q; problems: %q", made, problems)
	}
	for _, p := range problems {
		if of := p.Of; of != OfServed && !slices.Contains(made, of) {
			t.Errorf("a problem is of %q, which is not made: %q", of, made)
		}
	}
	if problems.Of(OfVerdict) {
		t.Errorf("one is of the verdict: %q", problems)
	}
	if made := (Case{}).Assertions(); made != nil {
		t.Errorf("a case that claims nothing makes %q", made)
	}
	if made := (Case{Accept: Accept{Unit: unit}}).Assertions(); len(made) != 1 || made[0] != OfServed {
		t.Errorf("one that nobody is served makes %q", made)
	}
}

func TestEachReasonWhyAnAssertionNeedNotFailIsOfOneThatIsMade(t *testing.T) {
	for _, u := range unfailing {
		fs, err := Find(u.Finding)
		if err != nil {
			t.Error(err)
			continue
		}
		two := units
		two.Cores = 2 // where cores are told apart
		variants := u.Variants
		if variants == nil {
			variants = []string{""}
		}
		for _, variant := range variants {
			for _, of := range u.Of {
				made := u.Subject == "" && slices.ContainsFunc(fs[0].Between(), func(p Property) bool { return p.Name == of })
				for n, c := range fs[0].Cases(two) {
					made = made || c.Variant == variant && c.Scenario.Subject.Name == u.Subject && slices.Contains(fs[0].Assertions(n, c), of)
				}
				if !made || u.Why == "" || WhyUnfailing(u.Finding, variant, u.Subject, of) != u.Why {
					t.Errorf("%+v: %q of %q: made: %v, want it made, with its reason", u, of, variant, made)
				}
			}
		}
	}
	for _, variant := range []string{"", "starts wait"} {
		if why := WhyUnfailing("serial-start", variant, "ours", OfServed); why != "" {
			t.Errorf("a reason for what is not listed: %q", why)
		}
	}
}

func TestWhatAPoolSaysOfItselfIsHeldAgainstItsWorkers(t *testing.T) {
	e := func(k scenario.Kind, worker, err string) scenario.Event {
		return scenario.Event{Kind: k, Worker: worker, Err: err}
	}
	up, gone, well, unwell := e(scenario.Ready, "w1", ""), e(scenario.Exit, "w1", ""), e(scenario.Health, "", ""), e(scenario.Health, "", "no")
	up2 := e(scenario.Ready, "w2", "")
	for name, c := range map[string]struct {
		events         []scenario.Event
		always, asItIs bool
		shows          string
	}{
		"not asked":                             {[]scenario.Event{up}, false, false, ""},
		"well, and it is":                       {[]scenario.Event{up, well}, false, true, "well with 1 of 1 alive"},
		"well, and it is not":                   {[]scenario.Event{up, gone, well}, true, false, "well with 0 of 1 alive"},
		"before the first is ready":             {[]scenario.Event{well}, true, false, "well with 0 of 1 alive"},
		"unwell, and it is":                     {[]scenario.Event{up, gone, unwell}, false, true, "unwell with 0 of 1 alive"},
		"unwell, and it is not":                 {[]scenario.Event{up, unwell}, false, false, "unwell with 1 of 1 alive"},
		"both times as it is":                   {[]scenario.Event{up, gone, unwell, up2, well}, false, true, "unwell with 0 of 1 alive, well with 1 of 1 alive"},
		"well all the time":                     {[]scenario.Event{up, well, gone, well}, true, false, "well with 1 of 1 alive, well with 0 of 1 alive"},
		"well all the time, in the end rightly": {[]scenario.Event{up, gone, well, up2, well}, false, false, "well with 0 of 1 alive, well with 1 of 1 alive"},
		"first well, then not":                  {[]scenario.Event{up, gone, well, unwell}, false, false, "well with 0 of 1 alive, unwell with 0 of 1 alive"},
	} {
		r := &scenario.Record{Size: 1, Events: c.events}
		for h, want := range map[Health]bool{AlwaysWell: c.always, AsItIs: c.asItIs} {
			problems := Accept{Unit: unit, Health: h}.Who(r)
			if problems.Of(OfHealth) == want {
				t.Errorf("%s: as claimed, %s: %v, want %v: %q", name, h, !want, want, problems)
			}
		}
		if got := diagnosed(r); got != "asked how it is: "+c.shows {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestStartsTogetherAreThoseUnderWayAtOnce(t *testing.T) {
	e := func(k scenario.Kind, worker, err string) scenario.Event {
		return scenario.Event{Kind: k, Worker: worker, Err: err}
	}
	for name, c := range map[string]struct {
		events []scenario.Event
		want   int
	}{
		"none":               {nil, 0},
		"one after another":  {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Ready, "w1", ""), e(scenario.Launch, "w2", "")}, 1},
		"two at once":        {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Launch, "w2", ""), e(scenario.Ready, "w1", ""), e(scenario.Launch, "w3", "")}, 2},
		"after a death":      {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Exit, "w1", ""), e(scenario.Launch, "w2", "")}, 1},
		"after a failure":    {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Launched, "w1", "no"), e(scenario.Launch, "w2", "")}, 1},
		"launched is no end": {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Launched, "w1", ""), e(scenario.Launch, "w2", "")}, 2},
		"while it is probed": {[]scenario.Event{e(scenario.Launch, "w1", ""), e(scenario.Probing, "", ""), e(scenario.Launch, "w2", "")}, 1},
	} {
		r := &scenario.Record{Events: c.events}
		if got := startsTogether(r); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if problems := (Accept{Unit: unit, Together: 1}).When(r, Tolerance); (len(problems) > 0) != (c.want > 1) {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

func TestTimesMayBeOffByTheToleranceAndNoMore(t *testing.T) {
	in := func(a Accept) Accept { a.Unit, a.UnitName = unit, "boots"; return a }
	for name, c := range map[string]struct {
		accept Accept
		record *scenario.Record
		want   []string
	}{
		"exactly":             {Accept{Times: []float64{1, 2}}, record(1, 2), nil},
		"at the tolerance":    {Accept{Times: []float64{1, 2}}, record(0.86, 2.29), nil},
		"too early":           {Accept{Times: []float64{1, 2}}, record(0.84, 2), []string{"served at 0.8 2.0, expected 1.0 2.0 boots"}},
		"too late":            {Accept{Times: []float64{1, 2}}, record(1, 2.31), []string{"served at 1.0 2.3, expected 1.0 2.0 boots"}},
		"in another order":    {Accept{Times: []float64{1, 2}}, record(2, 1), nil},
		"too few":             {Accept{Times: []float64{1, 2}}, record(1, 0), []string{"served at 1.0, expected 1.0 2.0 boots"}},
		"too many":            {Accept{Times: []float64{1}}, record(1, 1), []string{"served at 2×1.0, expected 1.0 boots"}},
		"not checked":         {Accept{}, record(7), nil},
		"the last by":         {Accept{LastBy: 2}, record(1, 2.29), nil},
		"the last later":      {Accept{LastBy: 2}, record(1, 2.31), []string{"served at 1.0 2.3, expected the last by 2 boots"}},
		"nobody by":           {Accept{LastBy: 2}, record(0), nil},
		"failed":              {Accept{Failed: []float64{2, 5}}, failingAt(5, 2), nil},
		"failed sooner":       {Accept{Failed: []float64{2, 5}}, failingAt(5, 1), []string{"failed at 1.0 5.0, expected 2.0 5.0 boots"}},
		"fewer failed":        {Accept{Failed: []float64{2, 5}}, failingAt(5), []string{"failed at 5.0, expected 2.0 5.0 boots"}},
		"ready":               {Accept{Ready: []float64{1, 2}}, started(record(), start{0, 2.2, 0}, start{0, 0.9, 0}), nil},
		"ready late":          {Accept{Ready: []float64{1, 2}}, started(record(), start{0, 1, 0}, start{0, 2.4, 0}), []string{"workers ready at 1.0 2.4, expected 1.0 2.0 boots"}},
		"one never ready":     {Accept{Ready: []float64{1, 2}}, started(record(), start{0, 1, 0}, start{0, -1, 0}), []string{"workers ready at 1.0, expected 1.0 2.0 boots"}},
		"all ready by":        {Accept{ReadyBy: 1.5}, started(record(), start{0, 1, 0}, start{0, 1.7, 0}), nil},
		"not all ready by":    {Accept{ReadyBy: 1.5}, started(record(), start{0, 1, 0}, start{0, 1.8, 0}), []string{"workers ready at 1.0 1.8, expected the last by 1.5 boots"}},
		"both served and not": {Accept{Times: []float64{1}, LastBy: 1}, record(2), []string{"served at 2.0, expected 1.0 boots", "served at 2.0, expected the last by 1 boots"}},
	} {
		compare(t, name, in(c.accept).When(c.record, Tolerance).Texts(), c.want)
	}
}

func TestAFigureSaysInAFewCharactersWhatWasShown(t *testing.T) {
	for want, c := range map[string]struct {
		accept Accept
		record *scenario.Record
	}{
		"1.0 2.0 boots":                          {Accept{}, record(2, 1)},
		"4×1.0 boots":                            {Accept{}, record(1, 1, 1.01, 0.98)},
		"2×1.0 2×2.0 boots":                      {Accept{}, record(1, 1, 2, 2)},
		"1 of 4: 1.1 boots":                      {Accept{}, record(0, 1.1, 0, 0)},
		"0 of 2":                                 {Accept{}, record(0, 0)},
		"1.0 boots; sent to workers: 2.0 a call": {Accept{PerCall: 3}, started(record(1), start{0, 2, 2})},
		"1.0 boots; ready by 2.0":                {Accept{ReadyBy: 3}, started(record(1), start{0, 2, 0}, start{0, 1, 0})},
		"3.0 boots; ready by 2.0":                {Accept{Ready: []float64{1}}, started(record(3), start{0, 2, 0})},
		"4.0 boots; ready by 2.0":                {Accept{Serial: true}, started(record(4), start{0, 2, 0})},
		"5.0 boots":                              {Accept{ReadyBy: 3}, started(record(5), start{0, -1, 0})},
		"6.0 boots":                              {Accept{}, started(record(6), start{0, 2, 0})},
		"1 of 2: 1.0 boots; ready by 2.0":        {Accept{Serial: true}, started(record(1, 0), start{0, 2, 0})},
	} {
		c.accept.Unit, c.accept.UnitName = unit, "boots"
		if got := c.accept.Figure(c.record); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAFigureSaysWhatItsCaseIsThereToShow(t *testing.T) {
	with := func(events ...scenario.Event) *scenario.Record {
		r := record(1)
		r.Events = append(r.Events, events...)
		return r
	}
	opens := func(u Unit) func(*scenario.Record) string { return startedIsNotReady.Cases(u)[0].Shows }
	for want, c := range map[string]struct {
		shows  func(*scenario.Record) string
		record *scenario.Record
	}{
		"1.0 boots": {nil, with()},
		"1.0 boots; began 1 starts until the caller gave up, on 0.00 cores, and told the caller why: false": {begun, with(scenario.Event{Kind: scenario.Launch}, scenario.Event{Kind: scenario.Probing})},
		"1.0 boots; counted 3": {counted, with(scenario.Event{Kind: scenario.SessionCalls, Session: "s1", N: 3})},
		"1.0 boots; its own CPU while workers start: 0.00 cores":                                      {burns, with()},
		"1.0 boots; its own CPU while workers start: 0.50 cores":                                      {burns, with(spun(2, 1)...)},
		"1 of 4: 1.0 boots; order kept: c1 c2 c3":                                                     {turns, with(handed("c1", "c2", "c3")...)},
		"1.0 boots; nobody outlives the pool":                                                         {outliving, with()},
		"1.0 boots; 2 outlive the pool: each wants 0.75 cores and has written 3.0 MB of log in 2.0 s": {outliving, with(outlived(1, .5)...)},
		"1.0 boots; counts none":                                                                      {counted, with(scenario.Event{Kind: scenario.SessionCalls, Session: "s2", N: 3})},
		"1.0 boots; open after 2.0":                                                                   {opens(units), with(scenario.Event{Kind: scenario.Opened, At: boots(3)})},
		"1.0 boots; open after -1.0":                                                                  {opens(units), with()},
		"1.0 boots; the slowest takes 1.0 times the average":                                          {silencedDetector.Cases(units)[0].Shows, with()},
		"1.0 boots; 99 % of the quick ones by 0.0":                                                    {workloadPools.Cases(units)[0].Shows, with()},
	} {
		if got := (Case{Accept: Accept{Unit: unit, UnitName: "boots"}, Shows: c.shows}).Figure(c.record); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFindingsAreFoundByIDInTheOrderAskedFor(t *testing.T) {
	all, err := Find()
	if err != nil || len(all) != len(All()) {
		t.Errorf("without an id: %d of %d, %v", len(all), len(All()), err)
	}
	for i, f := range All() {
		if all[i].ID != f.ID {
			t.Errorf("the %d. is %s, want %s", i+1, all[i].ID, f.ID)
		}
	}
	two, err := Find("serial-start", "concurrent-when-warm")
	if err != nil || len(two) != 2 || two[0].ID != "serial-start" || two[1].ID != "concurrent-when-warm" {
		t.Errorf("got %+v, %v", two, err)
	}
}

func TestAnUnknownIDIsAnErrorThatListsWhatThereIs(t *testing.T) {
	fs, err := Find("serial-start", "serial-stop")
	if err == nil || fs != nil || !strings.Contains(err.Error(), `"serial-stop"`) {
		t.Fatalf("got %v, %v", fs, err)
	}
	for _, f := range All() {
		if !strings.Contains(err.Error(), f.ID) {
			t.Errorf("%s is not listed: %v", f.ID, err)
		}
	}
}

func TestEveryFindingThatIsWrittenIsInTheCatalogue(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			written += strings.Count(string(text), " = Finding{\n")
		}
	}
	if n := len(All()); n != written || n == 0 {
		t.Errorf("%d findings are written, %d are in the catalogue", written, n)
	}
}

func TestEveryFindingSaysWhatWasClaimedByWhomAndWhatIsTrue(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		if f.ID == "" || strings.Trim(f.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || seen[f.ID] {
			t.Errorf("the id %q: want lower case with hyphens, once", f.ID)
		}
		seen[f.ID] = true
		if f.Claim == "" || f.Source == "" || f.Truth == "" {
			t.Errorf("%s: claim %q, source %q, truth %q", f.ID, f.Claim, f.Source, f.Truth)
		}
		if !slices.Contains([]string{"verdict", "figure", "test"}, f.Kind) {
			t.Errorf("%s: kind %q", f.ID, f.Kind)
		}
		if virtual := slices.Contains(f.Worlds, "virtual"); len(f.Worlds) == 0 || virtual != (f.Unmodelled == "") {
			t.Errorf("%s: worlds %q, and why no models show it: %q", f.ID, f.Worlds, f.Unmodelled)
		}
		if len(f.Cases(units)) == 0 {
			t.Errorf("%s has no case", f.ID)
		}
	}
}

func TestAFindingThatRealWorkersDoNotShowSaysWhyAndNoOther(t *testing.T) {
	for _, f := range All() {
		shown := slices.Contains(f.Worlds, "process") // containers take an engine
		if shown != (f.Unreal == "") {
			t.Errorf("%s: worlds %q, and why no real workers show it: %q", f.ID, f.Worlds, f.Unreal)
		}
		if shown && !slices.ContainsFunc(f.Cases(units), func(c Case) bool { return !c.Virtual }) {
			t.Errorf("%s is said to be shown by real workers, and each of its cases in virtual time alone", f.ID)
		}
	}
}

func TestEveryCaseCanBeRunAndSaysWhatMustComeOut(t *testing.T) {
	for _, f := range All() {
		seen := map[string]bool{}
		ours := 0
		for _, c := range f.Cases(units) {
			name := f.ID + ", " + c.Variant + ", " + c.Scenario.Subject.Name
			if seen[name] {
				t.Errorf("%s: twice", name)
			}
			seen[name] = true
			if err := c.Scenario.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !c.Accept.nothing() && (c.Accept.Unit <= 0 || c.Accept.UnitName == "") {
				t.Errorf("%s: times are told in %v %q", name, c.Accept.Unit, c.Accept.UnitName)
			}
			if want := c.Accept.Times; want != nil && (len(want) != c.Accept.Served || !slices.IsSorted(want)) {
				t.Errorf("%s: %d are to be served, at %v", name, c.Accept.Served, want)
			}
			w := c.Scenario.Workload
			if n := w.Clients * w.Each(); c.Accept.Served > n {
				t.Errorf("%s: %d of %d calls are to be served", name, c.Accept.Served, n)
			}
			switch c.Scenario.Subject.Name {
			case "ours":
				ours++
				switch n := w.Clients * w.Each(); {
				case c.Expected == scenario.Sound && c.Accept.Served == n:
				case c.Expected == scenario.Sound && c.Accept.Served > 0 && (w.DieAfter > 0 || len(c.Scenario.Faults) > 0): // some are excused
				case c.Expected == "" && f.Kind == "test" && (len(f.Between()) > 0 || c.Alike != nil): // runs are compared
				case c.Expected == "" && f.Kind == "figure" && len(c.Scenario.Faults) > 0: // nobody could be served
				case c.Expected == scenario.Environmental && (len(c.Scenario.Faults) > 0 || asksTooMuch(c)):
				case c.Expected == scenario.Infeasible && c.Scenario.Deadline < units.Waits:
				default:
					t.Errorf("%s: expected %q with %d of %d served, want sound with all, or a fault, a call or a deadline that excuses it", name, c.Expected, c.Accept.Served, n)
				}
			case "V1", "V2-seed", "V2-P3", "V2-last", "V3", "herd", "puddle", "snakepit":
				excused := c.Expected == scenario.Environmental && (len(c.Scenario.Faults) > 0 || asksTooMuch(c))
				if !excused && !slices.Contains([]scenario.Word{scenario.Sound, scenario.Architectural, scenario.Amplified, scenario.Overdetermined, ""}, c.Expected) {
					t.Errorf("%s: expected %q", name, c.Expected)
				}
			default:
				t.Errorf("%s: who is that?", name)
			}
		}
		if ours == 0 {
			t.Errorf("%s does not show ours", f.ID)
		}
	}
}

// asksTooMuch says whether the calls ask for more CPU than the contract has for one.
func asksTooMuch(c Case) bool {
	return c.Scenario.Workload.Step(1).Asks().CPU > c.Scenario.Contract.Call.CPU
}

// Times are multiples of the unit, so that a slow machine changes none of them. Where
// it is no matter they may be those of the original.
func TestCasesScaleWithTheUnit(t *testing.T) {
	twice := Unit{Waits: 2 * units.Waits, Computes: 2 * units.Computes, Wait: scenario.Demand{Wait: 2 * units.Wait.Wait}, Compute: scenario.Demand{CPU: 2 * units.Compute.CPU}}
	for _, f := range All() {
		ownClock := []string{"slow-goodbye", "shutdown-ignored"} // the second that the pool waits for is what they are about
		if !slices.Contains(f.Worlds, "process") || slices.Contains(ownClock, f.ID) {
			continue
		}
		once, again := f.Cases(units), f.Cases(twice)
		for i, c := range once {
			if c.Virtual {
				continue
			}
			a, b := c.Scenario, again[i].Scenario
			for name, d := range map[string][2]time.Duration{
				"Deadline": {a.Deadline, b.Deadline}, "Patience": {a.Patience, b.Patience}, "Recovery": {a.Recovery, b.Recovery},
				"Every": {a.Workload.Every, b.Workload.Every}, "Start.CPU": {a.Start.CPU, b.Start.CPU}, "Start.Wait": {a.Start.Wait, b.Start.Wait},
				"CheckoutTimeout": {a.Config.CheckoutTimeout, b.Config.CheckoutTimeout}, "CallTimeout": {a.Config.CallTimeout, b.Config.CallTimeout},
				"StartTimeout": {a.Config.StartTimeout, b.Config.StartTimeout}, "Unit": {c.Accept.Unit, again[i].Accept.Unit},
			} {
				if name == "Recovery" && d[0] == d[1] { // it may be that of a pool's own clock
					continue
				}
				if off := d[1] - 2*d[0]; off.Abs() > 2 { // rounding
					t.Errorf("%s, %s: %s is %v, and with twice the unit %v", f.ID, a.Subject.Name, name, d[0], d[1])
				}
			}
			x, y := c.Accept, again[i].Accept
			x.Unit, y.Unit = 0, 0
			if !reflect.DeepEqual(x, y) {
				t.Errorf("%s, %s: %+v, and with twice the unit %+v", f.ID, a.Subject.Name, x, y)
			}
		}
	}
}

// wrongTogether is what is wrong with a finding's properties, as far as there are
// records of their cases.
func wrongTogether(f Finding, records ...*scenario.Record) (texts []string) {
	records = append(records, make([]*scenario.Record, len(f.Cases(units))-len(records))...)
	for _, p := range f.Together {
		texts = append(texts, p.Problems(units, records).Texts()...)
	}
	return texts
}

func TestThereIsTimeToRecoverForThreeStartsAndWhatTheyTakeByThemselves(t *testing.T) {
	u := Demands(100*time.Millisecond, 2)
	u.Waits, u.Computes = 600*time.Millisecond, 400*time.Millisecond // an engine takes most of it
	start := scenario.Demand{CPU: 50 * time.Millisecond, Wait: 150 * time.Millisecond}
	c := held([]Case{{Scenario: scenario.Scenario{Start: start}}}, u)[0]
	if got, want := c.Scenario.Contract.Recovery, 3100*time.Millisecond; got != want {
		t.Errorf("%v to recover, want %v", got, want)
	}
	u.Waits, u.Computes = 100*time.Millisecond, 90*time.Millisecond
	if got, want := held([]Case{{Scenario: scenario.Scenario{Start: start}}}, u)[0].Scenario.Contract.Recovery, 1600*time.Millisecond; got != want {
		t.Errorf("%v to recover where starts take nothing by themselves, want %v", got, want)
	}
}

func TestAPropertyIsLookedAtWhereAllItsCasesWereRun(t *testing.T) {
	p := Property{Name: "both", Of: []int{2, 0}, Wrong: func(u Unit, of []*scenario.Record) []string {
		return []string{fmt.Sprint(u == units, len(of[0].Served()), len(of[1].Served()))}
	}}
	one, two := record(1), record(1, 1)
	if got := p.Problems(units, []*scenario.Record{one, nil, two}); len(got) != 1 || got[0] != (Problem{"both", "true 2 1"}) {
		t.Errorf("got %+v", got)
	}
	if got := p.Problems(units, []*scenario.Record{one, two, nil}); got != nil {
		t.Errorf("of a case that was not run: %+v", got)
	}
}

func TestAPropertyOfOneCaseIsThatCasesOwn(t *testing.T) {
	always := func(Unit, []*scenario.Record) []string { return []string{"no"} }
	f := Finding{Together: []Property{{Name: "a", Of: []int{1}, Wrong: always}, {Name: "b", Of: []int{1}, Times: true, Wrong: always}, {Name: "c", Of: []int{0, 1}, Wrong: always}}}
	c := Case{Expected: scenario.Sound}
	who, when := f.Otherwise(1, c, units, record(1))
	if len(who) != 1 || !who.Of("a") || len(when) != 1 || !when.Of("b") {
		t.Errorf("who: %+v, when: %+v", who, when)
	}
	if who, when := f.Otherwise(0, c, units, record(1)); len(who)+len(when) > 0 {
		t.Errorf("of another case: %+v, %+v", who, when)
	}
	if got := f.Assertions(1, c); !slices.Equal(got, []Assertion{OfVerdict, "a", "b"}) {
		t.Errorf("made: %q", got)
	}
	if got := f.Between(); len(got) != 1 || got[0].Name != "c" {
		t.Errorf("between: %+v", got)
	}
}

// By its name and its cases a property is found again: by butfor mutate, and in the
// reasons why one need not fail.
func TestEachPropertyHasAName(t *testing.T) {
	for _, f := range All() {
		cases := f.Cases(units)
		seen := map[string]bool{}
		for _, p := range f.Together {
			if key := fmt.Sprint(p.Name, p.Of); p.Name == "" || seen[key] {
				t.Errorf("%s: %q of %v has no name, or one that is taken", f.ID, p.Name, p.Of)
			} else {
				seen[key] = true
			}
			if len(p.Of) == 0 || slices.Min(p.Of) < 0 || slices.Max(p.Of) >= len(cases) {
				t.Errorf("%s: %q is of %v, and there are %d cases", f.ID, p.Name, p.Of, len(cases))
				continue
			}
			if p.between() {
				continue
			}
			if c := cases[p.Of[0]]; slices.Contains(c.Assertions(), p.Name) {
				t.Errorf("%s: %q is what a field says", f.ID, p.Name)
			}
		}
	}
}

func TestTheHerdIsLaterThanBoundedStartsAndBurnsNoMore(t *testing.T) {
	burnt := func(r *scenario.Record, share float64) *scenario.Record {
		for i := range r.Events {
			if r.Events[i].Kind == scenario.Ready {
				r.Events[i].OnCPU = time.Duration(share * float64(units.Computes))
			}
		}
		return r
	}
	herd := func(served, share float64) *scenario.Record {
		return burnt(started(record(served, served), start{0, served, 1}, start{0, -1, 0}), share)
	}
	for name, c := range map[string]struct {
		herd, ours *scenario.Record
		want       []string
	}{
		"as claimed":           {herd(8, 1), record(2, 4), nil},
		"at the tolerance":     {herd(8, 1.29), record(3.1, 4), nil},
		"hardly later":         {herd(8, 1), record(4, 4), []string{"bounded starts served the first caller 2.0 times earlier than the herd, expected 3"}},
		"hardly late at all":   {herd(6.6, 1), record(2, 4), []string{"w1 of the herd was ready after 3.3 boots, expected 4: there are as many starts to a core"}},
		"it burnt more itself": {herd(8, 1.4), record(2, 4), []string{"w1 of the herd was on CPU for 1.4 boots, expected 1: it must be the waiting that grows"}},
		"said already":         {record(0, 0), record(2, 4), nil},
	} {
		compare(t, name, wrongTogether(selfMadeContention, c.herd, record(1), c.ours), c.want)
	}
	for i, want := range []string{"herd", "V2-seed", "ours"} { // it goes by their order
		if got := selfMadeContention.Cases(units)[i].Scenario.Subject.Name; got != want {
			t.Errorf("case %d is of %s, want %s", i, got, want)
		}
	}
}

func TestTwoPoolsConflictOnCoresAndOnAName(t *testing.T) {
	asked := func(share float64) []scenario.Span {
		return []scenario.Span{{Demand: scenario.Demand{CPU: times(share, units.Computes)}}}
	}
	for name, c := range map[string]struct {
		change func(alone, herd, seed, ours *scenario.Record)
		want   string
	}{
		"as claimed":                 {func(_, _, _, _ *scenario.Record) {}, ""},
		"no later than alone":        {func(alone, _, _, _ *scenario.Record) { started(alone, start{0, 4, 0}) }, "beside another herd all workers were ready after 1.0 times as long as alone, expected 2"},
		"nobody ready":               {func(_, herd, _, _ *scenario.Record) { herd.Events = herd.Events[:1] }, "of the herd 1 workers were ready alone, and 0 beside another"},
		"the other asked for less":   {func(_, herd, _, _ *scenario.Record) { herd.Environment.Others = asked(.5) }, "the starts of the herd asked for 1.0 boots of CPU, and of the other for 0.5, expected as much"},
		"the other is not told":      {func(_, herd, _, _ *scenario.Record) { herd.Environment.Others = nil }, "the starts of the herd asked for 1.0 boots of CPU, and of the other for 0.0, expected as much"},
		"the first one of V2 failed": {func(_, _, seed, _ *scenario.Record) { seed.Others[0] = record(1, 0) }, "the first of V2-seed served 1 of 2"},
		"the first one of ours did":  {func(_, _, _, ours *scenario.Record) { ours.Others[0] = record(0) }, "the first of ours served 0 of 1"},
	} {
		alone, herd := started(record(2), start{0, 2, 0}), started(record(4), start{0, 4, 0})
		if name == "no later than alone" {
			alone = record(2)
		}
		herd.Environment = &scenario.Environment{Starts: asked(1), Others: asked(1)}
		seed, ours := record(0), record(1)
		seed.Subject, ours.Subject = "V2-seed", "ours"
		seed.Others, ours.Others = []*scenario.Record{record(1, 1)}, []*scenario.Record{record(1)}
		c.change(alone, herd, seed, ours)
		got := wrongTogether(globalPoolConflict, seed, ours, herd, alone, record(1))
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestThePercentileIsOfTheCallsOfOneCommand(t *testing.T) {
	r := record(3, 1, 0, 2, 9)
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == scenario.Arrive {
			e.Command = map[bool]string{true: "sleep", false: "echo"}[e.Call == r.Calls()[4].ID]
		}
	}
	for share, want := range map[float64]float64{.99: 3, .5: 2, 0: 1} {
		if got := slowest(r, "echo", share); got != times(want, unit) {
			t.Errorf("%v: %v, want %v", share, got, times(want, unit))
		}
	}
	if got := slowest(r, "ping", .99); got != 0 {
		t.Errorf("of none: %v", got)
	}
}

func TestACaseIsShownInTheWorldsOfItsFindingOrInVirtualTimeAlone(t *testing.T) {
	for _, f := range All() {
		for _, c := range f.Cases(units) {
			want := f.Worlds
			switch {
			case c.Virtual:
				want = []string{"virtual"}
			case c.Alone:
				want = []string{"virtual", "process"}
			}
			if got := f.WorldsOf(c); !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q, want %q", f.ID, c.Variant, got, want)
			}
		}
	}
}

func TestDemandsAreOneOfEachKind(t *testing.T) {
	u := Demands(unit, 2)
	if u.Wait != (scenario.Demand{Wait: unit}) || u.Compute != (scenario.Demand{CPU: unit}) {
		t.Errorf("got %+v", u)
	}
}

func TestWhatASessionPutIsKeptUntilItsWorkerIsToldToCleanUp(t *testing.T) {
	sent := func(command, session, worker string) scenario.Event {
		return scenario.Event{Kind: scenario.Send, Command: command, Session: session, Worker: worker}
	}
	r := &scenario.Record{Events: []scenario.Event{sent("put", "s1", "w1"), sent("put", "s1", "w1"), sent("put", "s2", "w1"), sent("put", "s1", "w2"), sent("get", "s3", "w2"), sent("cleanup_session", "s1", "w1")}}
	if n := stillKept(r); n != 2 {
		t.Errorf("%d are kept, want those of s2 on w1 and of s1 on w2", n)
	}
}

func TestHowAStopFailedIsLookedAt(t *testing.T) {
	for took, stop := range map[time.Duration]Stop{scenario.StopPatience: InVain, time.Second: Refused} {
		r := record()
		r.Events = append(r.Events, scenario.Event{Kind: scenario.Close}, scenario.Event{Kind: scenario.Closed, At: took, Err: "no"})
		for _, want := range []Stop{InVain, Refused} {
			if wrong := (Accept{Stop: want}).Who(r).Of(OfStop); wrong != (stop != want) {
				t.Errorf("it %s, and was to be said that it %s: wrong is %v", stop, want, wrong)
			}
		}
		if text := stopped(r); !strings.HasSuffix(text, ": it "+string(stop)) {
			t.Errorf("shown is %q", text)
		}
	}
}

func TestASessionThatHasWorkersInTurnIsTold(t *testing.T) {
	for _, c := range []struct {
		workers string
		turn    bool
	}{{"1231231", true}, {"1232131", false}, {"1111111", false}, {"1212121", false}, {"1231232", false}} {
		var r scenario.Record
		for i, w := range c.workers {
			call := fmt.Sprint("c", i)
			r.Events = append(r.Events, scenario.Event{Kind: scenario.Arrive, Call: call}, scenario.Event{Kind: scenario.Send, Call: call, Worker: "w" + string(w)})
		}
		if problems := wrongTogether(sessionIsolation, &r); (problems == nil) != c.turn {
			t.Errorf("%s: %q", c.workers, problems)
		}
	}
}

func TestAWrongAnswerIsSilentIfNobodyIsTold(t *testing.T) {
	for _, c := range []struct {
		e      scenario.Event
		silent bool
	}{{scenario.Event{Wrong: true}, true}, {scenario.Event{Wrong: true, Err: "no"}, false}, {scenario.Event{}, false}} {
		r := record(1)
		r.Events[2].Wrong, r.Events[2].Err = c.e.Wrong, c.e.Err
		if problems := wrongTogether(doubleUnwrap, r); (problems == nil) != c.silent {
			t.Errorf("%+v: %q", c.e, problems)
		}
	}
}

func TestWorkersThatAPreWarmingStartedAreThoseBeforeTheClientsCome(t *testing.T) {
	r := started(record(), start{0, 1, 0}, start{0, -1, 0})
	r.Events = append(r.Events, scenario.Event{Kind: scenario.Go}, scenario.Event{Kind: scenario.Launch})
	if n := startedBefore(r, scenario.Go); n != 2 {
		t.Errorf("%d were started", n)
	}
}

func TestEachBugOfSnakepitIsShownByAFinding(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range All() {
		for _, c := range f.Cases(units) {
			if c.Scenario.Subject.Name == subject.Snakepit().Name {
				for bug := range c.Scenario.Config.Options {
					shown[bug] = true
				}
			}
		}
	}
	for _, b := range subject.Bugs() {
		if !shown[string(b)] {
			t.Errorf("nothing shows %s", b)
		}
	}
}

func TestAFindingThatCannotBeShownHereSaysSo(t *testing.T) {
	f := Finding{ID: "f", Needs: func() error { return errors.New("no such thing") }}
	for world, want := range map[string]string{"virtual": "<nil>", "process": "f can't be shown here: no such thing"} {
		if got := fmt.Sprint(f.Missing(world)); got != want {
			t.Errorf("%s: %s, want %s", world, got, want)
		}
	}
	if f.Needs = nil; f.Missing("process") != nil {
		t.Error("it needs nothing")
	}
}
