package judge

import (
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func TestTheSentenceSaysWhatTheMachineGaveTheStartThatACallWaitedFor(t *testing.T) {
	const ms, sec = time.Millisecond, time.Second
	run := &scenario.Record{Cores: 2, Deadline: 5 * sec, Events: []scenario.Event{
		{At: 0, Kind: scenario.Launch, Worker: "w1"},
		{At: 0, Kind: scenario.Launch, Worker: "w2"},
		{At: 4 * sec, Kind: scenario.Ready, Worker: "w1", OnCPU: 200 * ms, Delay: 3500 * ms},
		{At: 4900 * ms, Kind: scenario.Ready, Worker: "w2", OnCPU: 300 * ms, Delay: 4100 * ms, Throttled: 100 * ms},
	}}
	met := scenario.Scenario{Replay: &scenario.Environment{
		Rivals: []scenario.Rival{{}}, Load: []scenario.Bucket{{Span: 5 * sec, Load: []scenario.Load{{Runnable: 5.75, Threads: 6, CPU: 1.9}}}},
	}}
	const gave = "the machine gave w2 300 ms of CPU in 4.90 s (run-queue delay 4.10 s, of which its quota throttled it for 100 ms, outside load 5.8 on 2 cores); beyond the contract: hogs"
	for _, c := range []struct {
		of   string
		path []scenario.Segment
		want string
	}{
		{"a start, longest of two", []scenario.Segment{
			{What: behindStart, On: "w1", From: 0, To: 1 * sec}, {What: startForCPU, On: "w2", From: 1 * sec, To: 4900 * ms}, {What: executing, On: "w2", From: 4900 * ms, To: 5 * sec},
		}, gave},
		{"a worker that was ready long before", []scenario.Segment{{What: executing, On: "w2", From: 5 * sec, To: 12 * sec}}, "hogs"},
		{"its execution more than its start", []scenario.Segment{{What: startOnCPU, On: "w2", From: 4 * sec, To: 5 * sec}, {What: executing, On: "w2", From: 5 * sec, To: 12 * sec}}, "hogs"},
		{"nobody", []scenario.Segment{{What: behindCalls, From: 0, To: 9 * sec}}, "hogs"},
	} {
		tr := &trial{Case: Case{Run: run, Met: met}, verdict: scenario.Verdict{Path: c.path}, excess: []string{"hogs"}}
		if got := tr.machine(); got != c.want {
			t.Errorf("of a call that waited for %s: %q, want %q", c.of, got, c.want)
		}
	}
}
