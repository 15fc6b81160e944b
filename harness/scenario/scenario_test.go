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
		"a swarm":        func(s *Scenario) { s.World, s.Swarm, s.Deadline = "virtual", 100, time.Second },
		"boxed":          func(s *Scenario) { s.World, s.Boxed = "container", true },
		"of any number": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": 1}
		},
		"of all it has": func(s *Scenario) {
			s.World, s.Workload.Then = "virtual", []Step{{Command: "put"}, {Command: "get"}}
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
		"workload.calls is 9: it must be from 0 to 8":                 func(s *Scenario) { s.Workload.Clients, s.Workload.Calls = clientsMost, 9 },
		"more than a century":                                         func(s *Scenario) { s.Workload.Clients, s.Workload.Calls, s.Workload.Think = 1, callsMost, timeMost },
		"config.cores is 8193":                                        func(s *Scenario) { s.Config.Cores = coresMost + 1 },
		"cores is 8193":                                               func(s *Scenario) { s.Cores = coresMost + 1 },
		"slack is 1e+300: it must be from 0 to 1000":                  func(s *Scenario) { s.Slack = 1e300 },
		"order.depth is 1001: it must be from 0 to 1000":              func(s *Scenario) { s.Order.Depth = DepthMost + 1 },
		"order.depth is -1":                                           func(s *Scenario) { s.Order.Depth = -1 },
		"order.length is -1":                                          func(s *Scenario) { s.Order.Length = -1 },
		"deadline is 24h0m0.000000001s: it must be from 0 to 24h0m0s": func(s *Scenario) { s.Deadline = timeMost + 1 },
		"start.wait is 24h0m0.000000001s":                             func(s *Scenario) { s.Start.Wait = timeMost + 1 },
		"workload.health has -1ns":                                    func(s *Scenario) { s.Workload.Health = []time.Duration{0, -1} },
		"workload.at has 24h0m0.000000001s":                           func(s *Scenario) { s.Workload.At = []time.Duration{0, timeMost + 1, 0, 0} },
		"Subject.Open":                                                func(s *Scenario) { s.Subject.Open = nil },
		"config.size":                                                 func(s *Scenario) { s.Config.Size, s.Warm = 0, 0 },
		"config.overflow":                                             func(s *Scenario) { s.Config.Overflow = -1 },
		"config.start_concurrency":                                    func(s *Scenario) { s.Config.StartConcurrency = -1 },
		"config.cores is -1":                                          func(s *Scenario) { s.Config.Cores = -1 },
		"config.cores is NaN":                                         func(s *Scenario) { s.Config.Cores = math.NaN() },
		"slack is NaN":                                                func(s *Scenario) { s.Slack = math.NaN() },
		"config.size is 4097: it must be from 1 to 4096":              func(s *Scenario) { s.Config.Size = sizeMost + 1 },
		"config.overflow is 4097":                                     func(s *Scenario) { s.Config.Overflow = sizeMost + 1 },
		"config.start_timeout":                                        func(s *Scenario) { s.Config.StartTimeout = -1 },
		"config.checkout_timeout":                                     func(s *Scenario) { s.Config.CheckoutTimeout = -1 },
		"config.call_timeout":                                         func(s *Scenario) { s.Config.CallTimeout = -1 },
		"warm is -1":                                                  func(s *Scenario) { s.Warm = -1 },
		"warm_patience is -1ns: it must be from 0 to 24h":             func(s *Scenario) { s.WarmPatience = -1 },
		"warm is 5":                                                   func(s *Scenario) { s.Warm = 5 },
		"workload.clients":                                            func(s *Scenario) { s.Workload.Clients = 0 },
		"workload.clients is 16385: it must be from 1 to 16384":       func(s *Scenario) { s.Workload.Clients = clientsMost + 1 },
		"workload.sessions is 2: it must be from 0 to 1":              func(s *Scenario) { s.Workload.Sessions = 2 },
		"workload.sessions is -1":                                     func(s *Scenario) { s.Workload.Sessions = -1 },
		"workload.end_sessions is true, but there are none":           func(s *Scenario) { s.Workload.EndSessions = true },
		"workload.then[1].command is empty":                           func(s *Scenario) { s.Workload.Then = []Step{{Command: "ping"}, {}} },
		`workload.then[0].command is "theirs": a worker in world virtual has ping, echo, `: func(s *Scenario) {
			s.World, s.Workload.Then = "virtual", []Step{{Command: "theirs"}}
		},
		"workload.then[0].args has -1 for s": func(s *Scenario) {
			s.World, s.Workload.Then = "virtual", []Step{{Command: "sleep", Args: map[string]any{"s": -1}}}
		},
		"workload.calls is 131073: it must be from 0 to 131072": func(s *Scenario) { s.Workload.Calls = callsMost + 1 },
		`workload.args has "math:hypot" for function: a worker in world virtual has builtins:print, `: func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "call", map[string]any{"function": "math:hypot"}
		},
		"order.trace is of a run":              func(s *Scenario) { s.Order.Trace = "abc" },
		"order.choices has -4 at step 2":       func(s *Scenario) { s.Order.Choices = []int{1, -4} },
		"workload.calls":                       func(s *Scenario) { s.Workload.Calls = -1 },
		"workload.command":                     func(s *Scenario) { s.Workload.Command = "" },
		`workload.command is "theirs"`:         func(s *Scenario) { s.World, s.Workload.Command = "virtual", "theirs" },
		"workload.args has <nil> for s: sleep": func(s *Scenario) { s.World, s.Workload.Command = "virtual", "sleep" },
		"workload.args has 0.3 for cpu_s: burn": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "burn", map[string]any{"cpu_s": "0.3"}
		},
		"workload.args has -1 for s": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": -1}
		},
		"workload.args has NaN for s": func(s *Scenario) {
			s.World, s.Workload.Command, s.Workload.Args = "virtual", "sleep", map[string]any{"s": math.NaN()}
		},
		"workload.arrive":       func(s *Scenario) { s.Workload.Arrive = "in pairs" },
		"arrive by rate":        func(s *Scenario) { s.Workload.Arrive = Rate },
		"arrive by poisson":     func(s *Scenario) { s.Workload.Arrive = Poisson },
		"workload.every":        func(s *Scenario) { s.Workload.Every = -1 },
		"workload.think":        func(s *Scenario) { s.Workload.Think = -1 },
		"workload.die_after":    func(s *Scenario) { s.Workload.DieAfter = -1 },
		"start.cpu":             func(s *Scenario) { s.Start.CPU = -1 },
		"start.wait":            func(s *Scenario) { s.Start.Wait = -1 },
		"arrivals of 0 clients": func(s *Scenario) { s.Workload.At = []time.Duration{} },
		"when the clock starts": func(s *Scenario) { s.Workload.At = []time.Duration{-1} },
		"only the real one":     func(s *Scenario) { s.Replay = anEnvironment() },
		"replay: environment":   func(s *Scenario) { s.World, s.Replay = "virtual", &Environment{} },
		"deadline":              func(s *Scenario) { s.Deadline = -1 },
		"patience":              func(s *Scenario) { s.Patience = -1 },
		"recovery":              func(s *Scenario) { s.Recovery = -1 },
		"fault 1, cpu-hogs":     func(s *Scenario) { s.Faults = faults.Plan{{Fault: faults.CPUHogs{}}} },
		"slack":                 func(s *Scenario) { s.Slack = -1 },
		"swarm is -1":           func(s *Scenario) { s.Swarm = -1 },
		"swarm is 101":          func(s *Scenario) { s.World, s.Swarm, s.Deadline = "virtual", 101, time.Second },
		`swarm is 2: faults are drawn in virtual time alone: write world: virtual beside it, not ""`: func(s *Scenario) { s.Swarm, s.Deadline = 2, 1 },
		"deadline is missing": func(s *Scenario) { s.World, s.Swarm, s.Deadline = "virtual", 2, 0 },
		`boxed is true, which says how containers are shared: write world: container beside it, not "process"`: func(s *Scenario) { s.World, s.Boxed = "process", true },
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
	for _, field := range []string{"Subject.Open", "config.size", "workload.clients", "workload.command"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named by: %v", field, err)
		}
	}
}
