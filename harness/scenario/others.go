package scenario

import (
	"errors"
	"fmt"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/settings"
)

// An Other is one more pool of a run, with clients of its own. What its starts ask
// for and when its callers give up is as with the one on trial.
type Other struct {
	Subject  subject.Subject `yaml:"subject"` // in files and bundles its name
	Config   subject.Config  `yaml:"config"`
	Warm     int             `yaml:"warm,omitempty"`
	Workload Workload        `yaml:"workload"`
	// Stops has it stopped once its clients are through, before the next pool opens.
	// Else it is there until the one on trial has closed.
	Stops bool `yaml:"stops,omitempty"`
}

// Other is the nth of the others, from 0, as a scenario of its own.
func (s *Scenario) Other(n int) Scenario {
	o, sc := &s.Others[n], *s
	sc.Subject, sc.Config, sc.Warm, sc.Workload = o.Subject, o.Config, o.Warm, o.Workload
	sc.Others, sc.Faults, sc.Swarm, sc.Replay, sc.Stops = nil, nil, 0, nil, true
	return sc
}

// FindOthers has the others be the subjects of their names.
func (s *Scenario) FindOthers(find func(name string) (subject.Subject, error)) error {
	var errs []error
	for i := range s.Others {
		name := &s.Others[i].Subject.Name
		found, err := find(*name)
		if err != nil {
			errs = append(errs, settings.Wrong(fmt.Sprintf("others[%d].subject", i), "is %q: %v", *name, err))
			continue
		}
		s.Others[i].Subject = found
	}
	return errors.Join(errs...)
}

func (s *Scenario) checkOthers() error {
	if n := len(s.Others); n > othersMost {
		return settings.Wrong("others", "are %d pools: there can be %d", n, othersMost)
	}
	var errs []error
	for i, o := range s.Others {
		// What is the scenario's own is not said again.
		sc := Scenario{World: s.World, Subject: o.Subject, Config: o.Config, Warm: o.Warm, Workload: o.Workload, Patience: s.Patience}
		errs = append(errs, settings.Below(fmt.Sprintf("others[%d]", i), sc.Check()))
	}
	return errors.Join(errs...)
}
