package judge

import (
	"errors"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// agreed is a contract that all that hand-written runs meet is inside of.
var agreed = scenario.Contract{Cores: 2, Start: scenario.Demand{CPU: time.Minute, Wait: time.Minute}, Outside: 0.5, Recovery: time.Second}

var errNone = errors.New("there is none")

// tried judges a run that met nothing beyond the contract, against the run of an
// ideal pool; nil: what it met is not known.
func tried(run, reference *scenario.Record) scenario.Verdict {
	if reference == nil {
		return Judge(Case{Run: run, Unknown: errNone})
	}
	of := *run
	of.Environment = &scenario.Environment{Cores: 2}
	return Judge(Case{
		Run: &of, Met: scenario.Scenario{Deadline: run.Deadline, Contract: &agreed, Replay: of.Environment},
		Ideal: func(scenario.Scenario) (Ideal, error) {
			return Ideal{Name: reference.Subject, Of: 7, Calls: reference.Calls()}, nil
		},
		Play:  func(scenario.Scenario) (*scenario.Record, error) { return nil, errNone },
		Again: func(bool, int) (scenario.Comparison, error) { return scenario.Comparison{}, errNone },
	})
}
