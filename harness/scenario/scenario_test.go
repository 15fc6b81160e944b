package scenario

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// good is a scenario in which nothing is wrong.
func good() Scenario {
	return Scenario{
		Subject: subject.Subject{Name: "any", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
			return nil, nil
		}},
		Config:   subject.Config{Size: 4},
		Warm:     4,
		Workload: Workload{Clients: 1, Command: "ping"},
	}
}

func TestAScenarioThatCanBeIsLetThrough(t *testing.T) {
	for name, change := range map[string]func(s *Scenario){
		"as it is":       func(s *Scenario) {},
		"nothing warm":   func(s *Scenario) { s.Warm = 0 },
		"burst":          func(s *Scenario) { s.Workload.Arrive = Burst },
		"rate":           func(s *Scenario) { s.Workload.Arrive, s.Workload.Every = Rate, time.Second },
		"poisson":        func(s *Scenario) { s.Workload.Arrive, s.Workload.Every = Poisson, time.Second },
		"nobody waits":   func(s *Scenario) { s.Config.QueueLimit = -1 },
		"listed":         func(s *Scenario) { s.Workload.At = []time.Duration{0, time.Second} },
		"a replay":       func(s *Scenario) { s.World, s.Replay = "virtual", anEnvironment() },
		"a slack of 0.9": func(s *Scenario) { s.Slack = 0.9 },
		"of any number": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": 1}
		},
		"a real worker's": func(s *Scenario) { s.World, s.Workload.Command = "process", "theirs" },
		"a recorded one":  func(s *Scenario) { s.World, s.Replay, s.Workload.Command = "virtual", anEnvironment(), "theirs" },
	} {
		s := good()
		change(&s)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachFieldThatCannotBeIsNamed(t *testing.T) {
	for field, change := range map[string]func(s *Scenario){
		"Subject.Open":                   func(s *Scenario) { s.Subject.Open = nil },
		"Config.Size":                    func(s *Scenario) { s.Config.Size, s.Warm = 0, 0 },
		"Config.Overflow":                func(s *Scenario) { s.Config.Overflow = -1 },
		"Config.StartConcurrency":        func(s *Scenario) { s.Config.StartConcurrency = -1 },
		"Config.Cores is -1":             func(s *Scenario) { s.Config.Cores = -1 },
		"Config.Cores is NaN":            func(s *Scenario) { s.Config.Cores = math.NaN() },
		"Slack is NaN":                   func(s *Scenario) { s.Slack = math.NaN() },
		"Config.Size is 1048577":         func(s *Scenario) { s.Config.Size = sizeMost + 1 },
		"Config.Overflow is 1048577":     func(s *Scenario) { s.Config.Overflow = sizeMost + 1 },
		"Config.StartTimeout":            func(s *Scenario) { s.Config.StartTimeout = -1 },
		"Config.CheckoutTimeout":         func(s *Scenario) { s.Config.CheckoutTimeout = -1 },
		"Config.CallTimeout":             func(s *Scenario) { s.Config.CallTimeout = -1 },
		"Warm is -1":                     func(s *Scenario) { s.Warm = -1 },
		"Warm is 5":                      func(s *Scenario) { s.Warm = 5 },
		"Workload.Clients":               func(s *Scenario) { s.Workload.Clients = 0 },
		"Workload.Clients is 65537":      func(s *Scenario) { s.Workload.Clients = clientsMost + 1 },
		"Workload.Calls is 1048577":      func(s *Scenario) { s.Workload.Calls = callsMost + 1 },
		"Order.Choices has -4 at step 2": func(s *Scenario) { s.Order.Choices = []int{1, -4} },
		"Workload.Calls":                 func(s *Scenario) { s.Workload.Calls = -1 },
		"Workload.Command":               func(s *Scenario) { s.Workload.Command = "" },
		`Command is "theirs"`:            func(s *Scenario) { s.World, s.Workload.Command = "virtual", "theirs" },
		"Args has <nil> for s: sleep":    func(s *Scenario) { s.World, s.Workload.Command = "virtual", "sleep" },
		"Args has 0.3 for cpu_s: burn": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "burn", map[string]any{"cpu_s": "0.3"}
		},
		"Args has -1 for s": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": -1}
		},
		"Args has NaN for s": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": math.NaN()}
		},
		"Workload.Arrive":       func(s *Scenario) { s.Workload.Arrive = "in pairs" },
		"arrive by rate":        func(s *Scenario) { s.Workload.Arrive = Rate },
		"arrive by poisson":     func(s *Scenario) { s.Workload.Arrive = Poisson },
		"Workload.Every":        func(s *Scenario) { s.Workload.Every = -1 },
		"Workload.Think":        func(s *Scenario) { s.Workload.Think = -1 },
		"Workload.DieAfter":     func(s *Scenario) { s.Workload.DieAfter = -1 },
		"Start.CPU":             func(s *Scenario) { s.Start.CPU = -1 },
		"Start.Wait":            func(s *Scenario) { s.Start.Wait = -1 },
		"arrivals of 0 clients": func(s *Scenario) { s.Workload.At = []time.Duration{} },
		"before the clock":      func(s *Scenario) { s.Workload.At = []time.Duration{-1} },
		"only the real one":     func(s *Scenario) { s.Replay = anEnvironment() },
		"Replay: environment":   func(s *Scenario) { s.World, s.Replay = "virtual", &Environment{} },
		"Deadline":              func(s *Scenario) { s.Deadline = -1 },
		"Patience":              func(s *Scenario) { s.Patience = -1 },
		"Recovery":              func(s *Scenario) { s.Recovery = -1 },
		"fault 1, cpu-hogs":     func(s *Scenario) { s.Faults = faults.Plan{{Fault: faults.CPUHogs{}}} },
		"Slack":                 func(s *Scenario) { s.Slack = -1 },
	} {
		s := good()
		change(&s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one error that names it", field, err)
		}
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	err := (&Scenario{}).Check()
	for _, field := range []string{"Subject.Open", "Config.Size", "Workload.Clients", "Workload.Command"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named by: %v", field, err)
		}
	}
}
