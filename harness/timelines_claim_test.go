package harness

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/world/virtual"
)

// claim holds the last run against the catalogue: its settings, its figures and
// its verdict.
func (s *script) claim(t *testing.T, d *datadriven.TestData) (string, error) {
	record, err := s.ran()
	if err != nil {
		return "", err
	}
	if len(d.CmdArgs) == 0 {
		return "", fmt.Errorf("name a finding")
	}
	boot, variant := "1s", ""
	d.MaybeScanArgs(t, "boot", &boot)
	d.MaybeScanArgs(t, "variant", &variant)
	takes, err := time.ParseDuration(boot)
	if err != nil {
		return "", err
	}
	unit := findings.Demands(takes, virtual.Cores)
	unit.Waits, unit.Computes, unit.Tolerance = takes, takes, findings.ToleranceExact
	f, n, err := s.catalogued(d.CmdArgs[0].Key, variant, unit)
	if err != nil {
		return "", err
	}
	c := f.Cases(unit)[n]
	o := outcomeOf(f, n, c, unit, s.result)
	lines := []string{"“" + f.Claim + "”", f.Truth, record.Subject + ": " + o.Figure}
	for _, what := range s.otherwise(c.Scenario) {
		lines = append(lines, "the catalogue sets otherwise: "+what)
	}
	switch {
	case !o.AsExpected():
		for _, what := range o.Problems().Texts() {
			lines = append(lines, "not as claimed: "+what)
		}
	case c.Expected != "":
		lines = append(lines, fmt.Sprintf("as claimed, within %g %%, and %s as expected", 100*unit.Tolerance, c.Expected))
	default:
		lines = append(lines, fmt.Sprintf("as claimed, within %g %%; no verdict is expected", 100*unit.Tolerance))
	}
	return strings.Join(lines, "\n"), nil
}

// catalogued is the place of the case of a finding that is about the last run's pool.
func (s *script) catalogued(id, variant string, unit findings.Unit) (f findings.Finding, n int, err error) {
	found, err := findings.Find(id)
	if err != nil {
		return f, 0, err
	}
	for n, c := range found[0].Cases(unit) {
		if c.Scenario.Subject.Name == s.result.Record.Subject && c.Variant == variant {
			return found[0], n, nil
		}
	}
	return f, 0, fmt.Errorf("%s has no case of %s with the variant %q", id, s.result.Record.Subject, variant)
}

// otherwise names the settings that are not those of a catalogued scenario.
func (s *script) otherwise(catalogued Scenario) (what []string) {
	mine := s.scenario
	for _, sc := range []*Scenario{&mine, &catalogued} {
		fill(sc)
		sc.Name, sc.World = "", ""
	}
	a, b := reflect.ValueOf(mine), reflect.ValueOf(catalogued)
	for i := range a.NumField() {
		if name := a.Type().Field(i).Name; name != "Subject" && name != "Contract" { // which is told in its own unit
			one, two := asJSON(a.Field(i).Interface()), asJSON(b.Field(i).Interface()) // 1 is 1.0 there
			if one != two {
				what = append(what, name+" is "+two)
			}
		}
	}
	return what
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // settings are plain data
	}
	return string(text)
}
