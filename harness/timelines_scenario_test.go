package harness

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
)

// settings reads a scenario, for the runs that follow.
func (s *script) settings(_ *testing.T, d *datadriven.TestData) (string, error) {
	f, err := scenario.Parse([]byte(d.Input), Subject)
	if err != nil {
		return "", err
	}
	sc := f.Scenario
	if sc.World == "" {
		sc.World = virtual.Name
	}
	if sc.World != virtual.Name {
		return "", fmt.Errorf("the world is %s: no two runs in it are alike", sc.World)
	}
	if sc.Name == "" {
		sc.Name = s.name
	}
	s.scenario, s.result = sc, Result{}
	return "ok", nil
}
