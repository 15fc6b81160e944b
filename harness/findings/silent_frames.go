package findings

import (
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var silentFrames = Finding{
	ID:     "silent-frames",
	Claim:  "whoever calls is told what is wrong",
	Source: "V2-seed",
	Truth:  "what the worker can't send has no answer, nor what it can't read: callers wait until their time is over",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		for _, frame := range []struct {
			what  string
			call  scenario.Step
			spoil faults.Spoiling
		}{
			{"a result that is no JSON", scenario.Step{Command: "call", Args: map[string]any{"function": "builtins:object"}, Fails: "ResultError"}, ""},
			{"a request without an id", scenario.Step{Command: "echo", Args: hello, Fails: "RequestError: the request has no id"}, faults.NoID},
			{"a request that is no JSON", scenario.Step{Command: "echo", Args: hello, Fails: "RequestError: the frame is no JSON"}, faults.NoJSON},
		} {
			sc := scenario.Scenario{
				Config: subject.Config{Size: 1, CallTimeout: timeout(u)},
				Start:  u.Wait,
				Warm:   1,
				Workload: scenario.Workload{
					Clients: 1, Sessions: 1, Command: frame.call.Command, Args: frame.call.Args, Fails: frame.call.Fails,
					Think: timeout(u), Then: []scenario.Step{{Command: "echo", Args: hello}}, // by then there is another worker
				},
				Deadline: u.Waits,
				Patience: times(2, timeout(u)),
			}
			if frame.spoil != "" {
				sc.Faults = faults.Plan{{Fault: faults.SpoiltRequest{How: frame.spoil}, Target: faults.Target{Calls: []string{sc.Workload.Call(1, 1)}}}}
			}
			silent := func(of subject.Subject, options map[string]any) trial {
				return trial{frame.what, of, options, scenario.Architectural, Accept{Served: 1, Failed: []float64{2}, Told: "no reply within"}}
			}
			told := Accept{Served: 2, LastBy: .5, Workers: 1}
			cases = append(cases, try(sc, u.Waits, "boots",
				// Its coordinator waits for longer, and with it whoever calls next.
				trial{frame.what, dspex.V1(), nil, scenario.Architectural, Accept{Failed: []float64{2, 2}, Told: "no answer within"}},
				silent(dspex.V2Seed(), nil),
				silent(dspex.V2P3(), without(dspex.RetryAmplifies)),
				silent(dspex.V2Last(), without(dspex.LateReply)),
				silent(dspex.V3(), without(dspex.BusyDesync)),
				trial{frame.what + ", an error for each", dspex.V2Seed(), without(dspex.SilentFrames), scenario.Sound, told},
				trial{frame.what, subject.Ours(), nil, scenario.Sound, told})...)
		}
		return oneVersion(cases)
	},
}

// timeout is the pools' own, of a call: longer than the deadline.
func timeout(u Unit) time.Duration { return times(2, u.Waits) }
