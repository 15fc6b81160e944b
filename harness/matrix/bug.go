package matrix

import (
	"fmt"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// None is the name of no bug, in our pool.
const None = "none"

// A bug is something that is wrong with a pool, or is not.
type bug struct {
	name   string
	family family
	loads  []string        // that it is put to; nil: those of its family that no row names
	off    subject.Subject // the same pool without it
	on     *subject.Subject
}

// A family is pools that are put to the same loads: ours, or a historical version.
type family string

const (
	ours   family = "ours"
	first         = family(dspex.First)
	seed          = family(dspex.Seed)
	phase3        = family(dspex.Phase3)
	last          = family(dspex.Last)
	third         = family(dspex.Third)
)

// A Finder gives the mutant of our pool that has a name.
type Finder func(name string) (subject.Subject, error)

// A row is historical bugs, each in an else sound pool of its version: one in which all
// are off that any row has. Most want a load of their own, as only some calls meet them.
type row struct {
	of    dspex.Version
	loads []string // nil: those of the version that no row names
	bugs  []dspex.Switch
}

var rows = []row{
	{dspex.First, nil, []dspex.Switch{dspex.DiesOnFirstSuccess, dspex.DoubleUnwrap}},
	{dspex.Seed, nil, []dspex.Switch{
		dspex.DeafStart, dspex.RollingDeadline, dspex.StartThenKill, dspex.GiveUpCrashesPool, dspex.LongLivedWorkers,
		dspex.SlowStartSelfMade, dspex.CheckinToNowhere, dspex.NonOwnerSend,
	}},
	{dspex.Seed, []string{whoKeepsIt}, []dspex.Switch{dspex.IllegalReturn}},
	{dspex.Seed, []string{isLoading}, []dspex.Switch{dspex.ReadySignal}},
	{dspex.Seed, []string{allCalls}, []dspex.Switch{dspex.ErrorCrashesClient, dspex.WrongName, dspex.StdoutNoise, dspex.SilentFrames, dspex.OrphanSpin, dspex.StopRace}},
	{dspex.Seed, []string{sessions}, []dspex.Switch{dspex.SessionIsolation, dspex.SessionListing, dspex.SessionLeak}},
	{dspex.Seed, []string{midCall}, []dspex.Switch{dspex.SlowGoodbye, dspex.ShutdownIgnored}},
	{dspex.Seed, []string{configured}, []dspex.Switch{dspex.ConfigNeverRead}},
	{dspex.Phase3, []string{allCalls}, []dspex.Switch{dspex.DegradedIsDeath}},
	{dspex.Phase3, []string{together}, []dspex.Switch{dspex.InlineBreaker, dspex.RetryAmplifies}},
	{dspex.Phase3, []string{nowAndThen}, []dspex.Switch{dspex.HealthBlocksPool}},
	{dspex.Last, nil, []dspex.Switch{dspex.RequeueSpin, dspex.PrewarmLeaks}},
	{dspex.Last, []string{sessions}, []dspex.Switch{dspex.TableOwnerDies}},
	{dspex.Last, []string{midCall}, []dspex.Switch{dspex.LateReply}},
	{dspex.Third, []string{outlasts}, []dspex.Switch{dspex.BusyDesync}},
	{dspex.Third, []string{coldV3}, []dspex.Switch{dspex.DeadInRotation, dspex.StartedIsNotReady}},
	{dspex.Third, []string{quickV3}, []dspex.Switch{dspex.Herd}},
}

// rowless are the switches that are in no row, and why: most make nobody late and break
// no rule, so that no case could have them. In every pool they are as its version has them.
var rowless = map[dspex.Switch]string{
	dspex.SpinsForReal:        "it is no bug, and does nothing in virtual time",
	dspex.PortSend:            "it is no bug: for its owner a port does the same",
	dspex.AliveGuard:          "it is no bug, but a fix that fixes nothing: it fails where the pool would fail without it",
	dspex.PortHandedBack:      "it is no bug, but a fix that fixes nothing: where workers are handed back anyway it costs 20 µs",
	dspex.HotRestart:          "its fix tells callers why there is no worker, who else might have had the next one: with it they are sooner served",
	dspex.BreakerNeverOpens:   "its fix refuses calls after five errors, also where these are the right answers: without it nobody is refused",
	dspex.HalfOpenStuck:       "it takes a circuit breaker that opens: it refuses calls for five seconds that any other pool serves, and so is not sound without the bug",
	dspex.HealthCheckConstant: "what a pool says of its health is an answer to nobody's call",
	dspex.CounterOverwritten:  "how many calls of a session a pool has counted is an answer to nobody's call",
	dspex.StderrMerged:        "what it does to a port stdout-noise does as well, where called code prints",
}

// nones are the names of no bug in a pool of these versions. V1's serves one call at a
// time: that it is sound for the loads of its bugs is all that is asked of it.
var nones = []struct {
	of   dspex.Version
	name string
}{
	{dspex.Seed, "none of the historical ones"}, {dspex.Phase3, "none of V2-P3's"}, {dspex.Last, "none of V2-last's"}, {dspex.Third, "none of V3's"},
}

// Bugs are the names of all that is put into a pool, or into any if that is "": the
// mutants of our pool, and the switches of the historical family.
func Bugs(mutants []string, pool string) (names []string) {
	for _, b := range bugs(mutants) {
		if !b.none() && (pool == "" || pool == b.off.Name) {
			names = append(names, b.name)
		}
	}
	return names
}

// Pools are the names of those that have the bugs.
func Pools() (names []string) {
	for _, b := range bugs(nil) {
		if !slices.Contains(names, b.off.Name) {
			names = append(names, b.off.Name)
		}
	}
	return names
}

func bugs(mutants []string) []bug {
	all := []bug{ourBug(None)}
	for _, name := range mutants {
		all = append(all, ourBug(name))
	}
	return append(all, historicals()...)
}

func ourBug(name string) bug { return bug{name: name, family: ours, off: subject.Ours()} }

// historicals are the bugs of the historical family, and none of them, for each version.
var historicals = sync.OnceValue(func() (all []bug) {
	for _, n := range nones {
		all = append(all, bug{name: n.name, family: family(n.of), off: sound(n.of)})
	}
	for _, r := range rows {
		for _, s := range r.bugs {
			on := sound(r.of, dspex.With(s))
			all = append(all, bug{name: nameOf(r.of, s), family: family(r.of), loads: r.loads, off: sound(r.of), on: &on})
		}
	}
	return all
})

// nameOf is the name of a switch's bug. Mutants of ours are called as some of V3's are.
func nameOf(v dspex.Version, s dspex.Switch) string {
	if v == dspex.Third {
		return fmt.Sprintf("%s of V3", s)
	}
	return string(s)
}

// sound is a version without any of the bugs that rows have, but for some changes.
func sound(v dspex.Version, but ...dspex.Change) subject.Subject {
	var changes []dspex.Change
	for _, s := range dspex.Switches() {
		if _, known := v.On(s, nil); known && rowless[s] == "" {
			changes = append(changes, dspex.Without(s))
		}
	}
	return dspex.New(string(v), v, append(changes, but...)...)
}

// meets says whether it is put to a load.
func (b bug) meets(l load) bool {
	if !slices.Contains(l.of, b.family) {
		return false
	}
	if b.loads == nil && !b.none() {
		return !slices.ContainsFunc(rows, func(r row) bool { return slices.Contains(r.loads, l.name) })
	}
	return b.none() || slices.Contains(b.loads, l.name)
}

// none says whether it is no bug.
func (b bug) none() bool { return b.name == None || b.family != ours && b.on == nil }

func bugOf(name string, l load) (bug, error) {
	if slices.Contains(l.of, ours) {
		return ourBug(name), nil
	}
	b, err := find(historicals(), name)
	if err == nil && !slices.Contains(l.of, b.family) {
		err = fmt.Errorf("matrix: %s is not put to %q", name, l.name)
	}
	return b, err
}

func (b bug) is() string { return b.name }

// subject is the pool with the bug or without it.
func (b bug) subject(on bool, mutant Finder) (subject.Subject, error) {
	switch {
	case !on, b.none():
		return b.off, nil
	case b.on != nil:
		return *b.on, nil
	}
	s, err := mutant(b.name)
	if err != nil {
		return s, fmt.Errorf("matrix: %w", err)
	}
	return s, nil
}

// Pool names the pool without the bug: under one load and seed its runs are the
// same for all bugs of it.
func (c Case) Pool() (string, error) {
	l, err := find(loads, c.Load)
	if err != nil {
		return "", err
	}
	b, err := bugOf(c.Bug, l)
	return b.off.Name, err
}
