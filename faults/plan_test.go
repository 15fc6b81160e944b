package faults

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

const ms = time.Millisecond

// whole is a plan that says everything that can be said.
func whole() Plan {
	return Plan{
		{Fault: SlowStart{CPU: 300 * ms, Wait: time.Second, Tail: Pareto, Shape: 1.25}, Target: Target{Starts: []int{1, 3}, First: 4, Workers: []string{"w1", "pool-w1/2_ä.3"}, Share: 0.5},
			At: Start(2), From: 100 * ms, Until: 2 * time.Second, Times: 3, Seed: math.MaxUint64, Maybe: true},
		{Fault: ExitMidCall{After: 20 * ms, Nth: 2, Status: 71}, Target: Target{Calls: []string{"c1", "c2.3"}, Clients: []string{"c1"}}, At: Call(5)},
		{Fault: CPUHogs{Threads: 4}, At: Clock, From: 200 * ms, Until: 90 * time.Second},
		{Fault: CPUQuota{Cores: 0.25, Period: 50 * ms}},
		{Fault: NeverSaysHello{}},
		{Fault: GiveUp{}, Target: Target{Clients: []string{"c7"}}},
	}
}

const wholeText = `- fault: slow-start
  with: {cpu: 300ms, wait: 1s, tail: pareto, shape: 1.25}
  target: {starts: [1, 3], first: 4, workers: [w1, pool-w1/2_ä.3], share: 0.5}
  at: start 2
  from: 100ms
  until: 2s
  times: 3
  seed: 18446744073709551615
  maybe: true
- fault: exit-mid-call
  with: {after: 20ms, nth: 2, status: 71}
  target: {calls: [c1, c2.3], clients: [c1]}
  at: call 5
- fault: cpu-hogs
  with: {threads: 4}
  at: clock
  from: 200ms
  until: 1m30s
- fault: cpu-quota
  with: {cores: 0.25, period: 50ms}
- fault: never-says-hello
- fault: give-up
  target: {clients: [c7]}
`

func TestAPlanInGoAndItsTextSayTheSame(t *testing.T) {
	if err := whole().Check(); err != nil {
		t.Fatal(err)
	}
	text, err := whole().Text()
	if err != nil || string(text) != wholeText {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, text, wholeText)
	}
	got, err := Parse([]byte(wholeText))
	if err != nil || !reflect.DeepEqual(got, whole()) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, whole())
	}
}

func TestAPlanIsTheSameAfterItWasJSON(t *testing.T) {
	for _, p := range []Plan{nil, whole()} {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got Plan
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, p)
		}
	}
}

func TestAPlanIsReadWithinAnotherText(t *testing.T) {
	var got struct {
		Name   string `yaml:"name"`
		Faults Plan   `yaml:"faults"`
	}
	text := "name: any\nfaults:\n" + wholeText
	if err := yaml.UnmarshalWithOptions([]byte(text), &got, yaml.Strict()); err != nil || !reflect.DeepEqual(got.Faults, whole()) {
		t.Errorf("got %+v, %v", got, err)
	}
	back, err := yaml.Marshal(got)
	if err != nil || string(back) != text {
		t.Errorf("%v, written as\n%s", err, back)
	}
	err = yaml.UnmarshalWithOptions([]byte("name: any\nfaults:\n- fault: give-up\n- fault: no-such\n"), &got, yaml.Strict())
	if err == nil || !strings.Contains(err.Error(), "line 4") || !strings.Contains(err.Error(), "no-such") {
		t.Errorf("an error in it: %v", err)
	}
}

func TestWhatAPlanCannotSayIsNamedWithItsLine(t *testing.T) {
	for text, says := range map[string]string{
		"":                                  "it is empty",
		"# nothing":                         "it is empty",
		"fault: give-up":                    "line 1: a plan is a list of faults",
		"7":                                 "line 1: a plan is a list",
		"- give-up":                         "line 1: a fault of a plan is written as fault: NAME",
		"- {}":                              "line 1: fault is missing",
		"- at: clock":                       "line 1: fault is missing",
		"- fault: give-up\n- fault: mishap": `line 2: no fault is called "mishap": there are bit-flip, `,
		"- fault: says-loading":             `line 1: no fault is called "says-loading" any more: write fault: odd-hello, with: {status: loading}`,
		"- fault: give-up\n  wth: {}":       `line 2: "wth" is no key: there are at, fault, from, maybe, seed, target, times, until, with`,
		"- fault: give-up\n  with:\n    afer: 1s":          `line 3: "afer" is no key: there are after`,
		"- fault: give-up\n  with: 1s":                     "line 2: give-up: with is a list of settings",
		"- fault: give-up\n  with:\n    after: 1":          "line 3: [0].with.after is 1: it must be a duration",
		"- fault: give-up\n  with:\n    after: soon":       `[0].with.after is "soon": it must be a duration, written like 300ms`,
		"- fault: give-up\n  from: 3":                      "line 2: ",
		"- fault: give-up\n  at: noon":                     `line 1: give-up: at: "noon" is no moment: there are clock, start N and call N`,
		"- fault: give-up\n  at: start":                    `"start 0" is no moment: starts and calls are counted from 1`,
		"- fault: give-up\n  at: start x":                  `"start x" names no number`,
		"- fault: give-up\n  at: clock 3":                  `"clock 3" is no moment`,
		"- fault: give-up\n  target: {first: x}":           "line 2: ",
		"- fault: cpu-hogs":                                "line 1: fault 1, cpu-hogs: threads is 0: it must be from 1 to 1000",
		"- fault: cpu-hogs\n  with: {threads: 1.5}":        "line 2: [0].with.threads is 1.5: it must be an integer",
		"- fault: give-up\n  times: 1.5":                   "line 2: [0].times is 1.5: it must be an integer",
		"- fault: give-up\n  seed: -1":                     "line 2: ",
		"- fault: kill-idle\n  target: {starts: [1, 2.5]}": "[0].target.starts[1] is 2.5: it must be an integer",
		"- fault: give-up\n  target: {share: much}":        "line 2: ",
		"- fault: give-up\n  fault: give-up":               "line 2: ",
		"- fault: give-up\n---\n- fault: give-up":          "a second document",
		"- fault: [a": "line 1: ",
	} {
		p, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "faults: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, %v, want one line that says %q", text, p, err, says)
		}
	}
}

type nameless struct{ Fault }

func (nameless) Name() string { return "nameless" }

func TestWhatAnEntryCannotBeIsNamed(t *testing.T) {
	for says, e := range map[string]Entry{
		"fault 1: it names no fault":                               {},
		`by is "size": it must be image, name or threads`:          {Fault: StartRefused{By: "size"}},
		`reason is "no", but by is image`:                          {Fault: StartRefused{By: NoImage, Reason: "no"}},
		"nameless: it hurts nothing":                               {Fault: nameless{}},
		"it must be a faults.GiveUp":                               {Fault: &GiveUp{}},
		"target.starts says nothing of it: it is about callers":    {Fault: GiveUp{}, Target: Target{Starts: []int{1}}},
		"target.workers says nothing of it: it is about callers":   {Fault: GiveUp{}, Target: Target{Workers: []string{"w1"}}},
		"target.calls says nothing of it: it is about starts":      {Fault: NeverSaysHello{}, Target: Target{Calls: []string{"c1"}}},
		"target.clients says nothing of it: it is about workers":   {Fault: KillIdle{}, Target: Target{Clients: []string{"c1"}}},
		"target.first says nothing of it: it is about the machine": {Fault: CPUHogs{Threads: 1}, Target: Target{First: 1}},
		"target.share says nothing of it: it is about the machine": {Fault: CPUHogs{Threads: 1}, Target: Target{Share: 0.5}},
		"times says nothing of it":                                 {Fault: CPUHogs{Threads: 1}, Times: 1},
		"until and times say nothing of it: it comes as the pool":  {Fault: CallAfterClose{After: 1}, Times: 1},
		"at, from, until and times say nothing of it":              {Fault: CallAfterClose{After: 1}, At: Clock},
		"from, until and times say nothing of it: it comes as":     {Fault: CallAfterClose{After: 1}, From: 1},
		"times say nothing of it: it comes as the pool is closed":  {Fault: CallAfterClose{After: 1}, Until: 1},
		"target.clients says nothing of it: it is about more call": {Fault: Flood{Callers: 1}, Target: Target{Clients: []string{"c1"}}},
		"target.first says nothing of it: it is about more caller": {Fault: Flood{Callers: 1}, Target: Target{First: 1}},
		"target.share says nothing of it: it is about more caller": {Fault: Flood{Callers: 1}, Target: Target{Share: 0.5}},
		"target.starts has 0":                                      {Fault: KillIdle{}, Target: Target{Starts: []int{1, 0}}},
		"target.first is -1":                                       {Fault: KillIdle{}, Target: Target{First: -1}},
		"target.share is 1.5":                                      {Fault: KillIdle{}, Target: Target{Share: 1.5}},
		"target.share is NaN":                                      {Fault: KillIdle{}, Target: Target{Share: math.NaN()}},
		`target.workers has ""`:                                    {Fault: KillIdle{}, Target: Target{Workers: []string{""}}},
		`target.clients has "c\n1"`:                                {Fault: GiveUp{}, Target: Target{Clients: []string{"c\n1"}}},
		`"start 0" is no moment`:                                   {Fault: GiveUp{}, At: Start(0)},
		`" 3" is no moment`:                                        {Fault: GiveUp{}, At: Trigger{N: 3}},
		`"noon" is no moment`:                                      {Fault: GiveUp{}, At: Trigger{On: "noon"}},
		"from is -1ns":                                             {Fault: GiveUp{}, From: -1},
		"until is -1ns":                                            {Fault: GiveUp{}, Until: -1},
		"until is 1s: it must be after from":                       {Fault: GiveUp{}, From: time.Second, Until: time.Second},
		"times is -1":                                              {Fault: GiveUp{}, Times: -1},
		// Settings.
		"cpu is -1ns":                     {Fault: SlowStart{CPU: -1}},
		"wait is -1ns":                    {Fault: SlowStart{Wait: -1}},
		"cpu and wait are 0":              {Fault: SlowStart{}},
		"cpu is 25h0m0s":                  {Fault: SlowStart{CPU: 25 * time.Hour}},
		`tail is "fat"`:                   {Fault: SlowStart{CPU: 1, Tail: "fat"}},
		"shape is 2, but there is no":     {Fault: SlowStart{CPU: 1, Shape: 2}},
		"shape is -1":                     {Fault: SlowStart{CPU: 1, Tail: Pareto, Shape: -1}},
		"shape is NaN":                    {Fault: SlowStart{CPU: 1, Tail: Pareto, Shape: math.NaN()}},
		"dies-before-hello: status is -1": {Fault: DiesBeforeHello{Status: -1}},
		"exit-at-call: status is 256":     {Fault: ExitAtCall{Status: 256}},
		"nth is -1":                       {Fault: ExitAtCall{Nth: -1}},
		"exit-mid-call: after is 0s":      {Fault: ExitMidCall{}},
		"exit-mid-call: status is 300":    {Fault: ExitMidCall{After: 1, Status: 300}},
		"kill-idle: after is -1ns":        {Fault: KillIdle{After: -1}},
		"threads is 0":                    {Fault: CPUHogs{}},
		"threads is 1001":                 {Fault: CPUHogs{Threads: 1001}},
		"period is 1µs":                   {Fault: CPUQuota{Cores: 1, Period: time.Microsecond}},
		"period is 2s":                    {Fault: CPUQuota{Cores: 1, Period: 2 * time.Second}},
		"cores is 0":                      {Fault: CPUQuota{}},
		"cores is NaN":                    {Fault: CPUQuota{Cores: math.NaN()}},
		"there must be 1ms of CPU":        {Fault: CPUQuota{Cores: 0.001}},
		"give-up: after is -1ns":          {Fault: GiveUp{After: -1}},
		"die-holding: after is 25h":       {Fault: DieHolding{After: 25 * time.Hour}},
		"bit is 0":                        {Fault: BitFlip{}},
		"bit is 81":                       {Fault: BitFlip{Bit: 81}},
		"bit-flip: nth is -1":             {Fault: BitFlip{Bit: 1, Nth: -1}},
		`how is "no-args"`:                {Fault: SpoiltRequest{How: "no-args"}},
		"spoilt-request: nth is -1":       {Fault: SpoiltRequest{How: NoID, Nth: -1}},
		`side is "left"`:                  {Fault: ClosesPort{Side: "left"}},
		"closes-port: nth is -1":          {Fault: ClosesPort{Nth: -1}},
		`signal is "STOP"`:                {Fault: DiesBySignal{Signal: "STOP"}},
		"dies-by-signal: after is -1ns":   {Fault: DiesBySignal{Signal: "SEGV", After: -1}},
		"dies-by-signal: nth is -1":       {Fault: DiesBySignal{Signal: "SEGV", Nth: -1}},
		"duplicate-reply: after is -1ns":  {Fault: DuplicateReply{After: -1}},
		"duplicate-reply: nth is -1":      {Fault: DuplicateReply{Nth: -1}},
		"exit-after-reply: after is -1ns": {Fault: ExitAfterReply{After: -1}},
		"exit-after-reply: status is 256": {Fault: ExitAfterReply{Status: 256}},
		"while and after are 0":           {Fault: CallAfterClose{}},
		"while is -1":                     {Fault: CallAfterClose{While: -1, After: 1}},
		"after is 1001":                   {Fault: CallAfterClose{After: 1001}},
		"callers is 0":                    {Fault: Flood{}},
		"callers is 1001":                 {Fault: Flood{Callers: 1001}},
		"every is -1ns":                   {Fault: Flood{Callers: 1, Every: -1}},
		"flood: patience is -1ns":         {Fault: Flood{Callers: 1, Patience: -1}},
		"few-cores: cores is 0":           {Fault: FewCores{}},
		"files is -1":                     {Fault: FileLimit{Files: -1}},
		`how is ""`:                       {Fault: Hangs{}},
		"hangs: nth is -1":                {Fault: Hangs{How: wire.Deadlock, Nth: -1}},
		"for is 1ms":                      {Fault: HarnessStopped{For: ms}},
		"for is 1m1s":                     {Fault: HarnessStopped{For: 61 * time.Second}},
		"goroutines is 0":                 {Fault: HarnessStarved{}},
		"goroutines is 101":               {Fault: HarnessStarved{Goroutines: 101}},
		"hold is 0s":                      {Fault: HeldOpen{}},
		"hold is 2s":                      {Fault: HeldOpen{Hold: 2 * time.Second}},
		"held-open: status is 256":        {Fault: HeldOpen{Hold: ms, Status: 256}},
		"late-reply: after is 0s":         {Fault: LateReply{}},
		"late-reply: nth is -1":           {Fault: LateReply{After: 1, Nth: -1}},
		"mb is 15":                        {Fault: MemoryLimit{MB: 15}},
		"mb is 47":                        {Fault: MemoryPressure{MB: 47, Left: 1}},
		"left is 0":                       {Fault: MemoryPressure{MB: 64}},
		"left is 33":                      {Fault: MemoryPressure{MB: 64, Left: 33}},
		"pages is -1":                     {Fault: MemoryPressure{MB: 64, Left: 1, Pages: -1}},
		"odd-hello: it must have one of":  {Fault: OddHello{}},
		"must have one of bytes, id":      {Fault: OddHello{Bytes: 1, ID: 1}},
		"status other than ok":            {Fault: OddHello{Status: "ok"}},
		"odd-hello: bytes is 41":          {Fault: OddHello{Bytes: 41}},
		"odd-hello: id is -1":             {Fault: OddHello{ID: -1}},
		"odd-hello: noise is -1":          {Fault: OddHello{Noise: -1}},
		"size is 67108864":                {Fault: OversizeLength{Size: wire.DefaultLimit}},
		"size is 4294967296":              {Fault: OversizeLength{Size: 1 << 32}},
		"oversize-length: nth is -1":      {Fault: OversizeLength{Nth: -1}},
		"sliced-writes: bytes is 0":       {Fault: SlicedWrites{}},
		"gap is 1m1s":                     {Fault: SlicedWrites{Bytes: 1, Gap: 61 * time.Second}},
		"sliced-writes: nth is -1":        {Fault: SlicedWrites{Bytes: 1, Nth: -1}},
		`slow-disk: module is ""`:         {Fault: SlowDisk{Rate: 4}},
		"rate is 3":                       {Fault: SlowDisk{Module: "asyncio", Rate: 3}},
		"rate is 1025":                    {Fault: SlowDisk{Module: "asyncio", Rate: 1025}},
		"kb is -1":                        {Fault: SlowDisk{Module: "asyncio", Rate: 4, KB: -1}},
		"slow-hello: after is 0s":         {Fault: SlowHello{}},
		`module is "os;os"`:               {Fault: SlowImport{Module: "os;os"}},
		"slow-import: cpu is -1ns":        {Fault: SlowImport{Module: "os", CPU: -1}},
		"stderr-flood: bytes is 0":        {Fault: StderrFlood{}},
		"stderr-flood: nth is -1":         {Fault: StderrFlood{Bytes: 1, Nth: -1}},
		"stdout-noise: bytes is 0":        {Fault: StdoutNoise{}},
		"stdout-noise: nth is -1":         {Fault: StdoutNoise{Bytes: 1, Nth: -1}},
		"swapped-replies: nth is -1":      {Fault: SwappedReplies{Nth: -1}},
		"thread-limit: threads is 0":      {Fault: ThreadLimit{}},
		"truncated-frame: bytes is 41":    {Fault: TruncatedFrame{Bytes: 41}},
		"truncated-frame: nth is -1":      {Fault: TruncatedFrame{Bytes: 1, Nth: -1}},
	} {
		err := Plan{e}.Check()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want one error that says %q", e, err, says)
		}
	}
}

func TestEachEntryThatIsWrongIsNamed(t *testing.T) {
	err := Plan{{Fault: CPUHogs{}}, {Fault: GiveUp{}}, {}}.Check()
	if err == nil || !strings.Contains(err.Error(), "fault 1, cpu-hogs") || !strings.Contains(err.Error(), "fault 3: it names no fault") || strings.Contains(err.Error(), "fault 2") {
		t.Errorf("got %v", err)
	}
}

// drawn draws an entry of any fault.
func drawn(from *rand.Rand) Entry {
	names := Names()
	e := Entry{Fault: Draw(names[from.IntN(len(names))], from)}
	if _, late := e.Fault.(ClosingFault); late {
		return e
	}
	e.At = []Trigger{{}, Clock, Start(1 + from.IntN(9)), Call(1 + from.IntN(9))}[from.IntN(4)]
	if from.IntN(2) == 0 {
		e.From = time.Duration(from.Int64N(1e12))
		e.Until = e.From + 1 + time.Duration(from.Int64N(1e12))
	}
	if from.IntN(2) == 0 {
		e.Seed = from.Uint64()
	}
	kind := about(e.Fault)
	if kind == machine {
		return e
	}
	e.Times = from.IntN(3)
	if kind == crowd {
		return e
	}
	if from.IntN(2) == 0 {
		e.Target.Share = 1 - from.Float64()
	}
	if from.IntN(2) == 0 {
		e.Target.First = from.IntN(4)
	}
	if kind == callers {
		e.Target.Clients = []string{"c1", fmt.Sprint("c", from.IntN(100))}[:from.IntN(3)]
		if len(e.Target.Clients) == 0 {
			e.Target.Clients = nil
		}
	} else {
		for range from.IntN(3) {
			e.Target.Starts = append(e.Target.Starts, 1+from.IntN(9))
		}
	}
	return e
}

func FuzzAPlanIsTheSameAfterItWasText(f *testing.F) {
	f.Add(uint64(1), "w1")
	f.Add(uint64(2), "-")
	f.Add(uint64(3), "true")
	f.Add(uint64(6), "0x10")
	f.Add(uint64(7), "...")
	f.Add(uint64(4), "1e3")
	f.Add(uint64(5), "~")
	f.Fuzz(func(t *testing.T, seed uint64, name string) {
		from := rand.New(rand.NewPCG(seed, 0))
		p := Plan{drawn(from), drawn(from), drawn(from)}
		for i := range p {
			switch about(p[i].Fault) {
			case starts, calls, workers:
				p[i].Target.Workers = []string{name, "w1"}
			case callers:
				p[i].Target.Calls = []string{name}
			}
		}
		if p.Check() != nil {
			return
		}
		text, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(text); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", text, got, err, p)
		}
		asJSON, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got Plan
		if err := json.Unmarshal(asJSON, &got); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", asJSON, got, err, p)
		}
	})
}

func FuzzWhatIsReadIsWrittenAndReadAgain(f *testing.F) {
	f.Add(wholeText)
	f.Add("- {fault: give-up, with: {after: 1h}, target: {share: 1e-3}}")
	f.Add("- fault: cpu-quota\n  with: {cores: 1e-1}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if err := p.Check(); err != nil {
			t.Fatalf("it was read, but %v", err)
		}
		written, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(written); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", written, again, err, p)
		}
	})
}

func TestAShareIsDrawnBySeedAndThing(t *testing.T) {
	hits := func(seed uint64) (n int) {
		for i := range 1000 {
			if (&Target{Share: 0.3}).hits(starts, Thing{start: i, key: fmt.Sprint("start ", i)}, seed) {
				n++
			}
		}
		return n
	}
	if n := hits(1); n < 250 || n > 350 || n != hits(1) || n == hits(2) && n == hits(3) {
		t.Errorf("of 1000 at a share of 0.3: %d, %d, %d, %d", n, hits(1), hits(2), hits(3))
	}
}

func TestAllConditionsOfATargetMustHold(t *testing.T) {
	x := Thing{start: 3, worker: "w3", call: "c2.1", client: "c2", nth: 2}
	for _, c := range []struct {
		on    Target
		about kind
		want  bool
	}{
		{Target{}, calls, true},
		{Target{Starts: []int{1, 3}}, calls, true},
		{Target{Starts: []int{1}}, calls, false},
		{Target{First: 3}, calls, true},
		{Target{First: 2}, calls, false},
		{Target{First: 2}, callers, true},
		{Target{First: 1}, callers, false},
		{Target{Workers: []string{"w3"}}, calls, true},
		{Target{Workers: []string{"w1"}}, calls, false},
		{Target{Calls: []string{"c2.1"}}, calls, true},
		{Target{Calls: []string{"c2"}}, calls, false},
		{Target{Clients: []string{"c2"}}, calls, true},
		{Target{Clients: []string{"c1"}}, calls, false},
		{Target{Clients: []string{"c2"}, Starts: []int{1}}, calls, false},
		{Target{Share: 1}, calls, true},
	} {
		if got := c.on.hits(c.about, x, 0); got != c.want {
			t.Errorf("%+v of %v: %v", c.on, c.about, got)
		}
	}
	if (&Target{First: 2}).hits(callers, Thing{client: "warmer"}, 0) {
		t.Error("one that is no client of the workload's is among the first two")
	}
}

// The tails themselves, and that the same lots give the same dose in either form.
func TestASlowStartIsDrawnFromItsTail(t *testing.T) {
	const n = 10000
	for _, c := range []struct {
		f           SlowStart
		least, most time.Duration
		above10     [2]int // of n, by what is known of the distribution
	}{
		{SlowStart{CPU: 100 * ms, Wait: 50 * ms}, 100 * ms, 100 * ms, [2]int{0, 0}},
		{SlowStart{CPU: 100 * ms, Wait: 50 * ms, Tail: Pareto}, 100 * ms, 10 * time.Second, [2]int{250, 390}},            // 10^-1.5 = 3.2 %
		{SlowStart{CPU: 100 * ms, Wait: 50 * ms, Tail: Pareto, Shape: 1}, 100 * ms, 10 * time.Second, [2]int{900, 1100}}, // 10 %
		{SlowStart{CPU: 100 * ms, Wait: 50 * ms, Tail: LogNormal}, 0, 10 * time.Second, [2]int{70, 150}},                 // 1.07 %
		{SlowStart{CPU: 100 * ms, Wait: 50 * ms, Tail: LogNormal, Shape: 2}, 0, 10 * time.Second, [2]int{1100, 1400}},    // 12.5 %
	} {
		above := 0
		for i := range n {
			key := fmt.Sprint("start ", i)
			p := model.Profile{BootCPU: time.Hour, BootWait: time.Minute} // of the scenario's own
			c.f.Model(&p, lots(1, "dose", key))
			p.BootCPU, p.BootWait = p.BootCPU-time.Hour, p.BootWait-time.Minute
			want := []string{"--boot-cpu", seconds(p.BootCPU), "--boot-wait", seconds(p.BootWait)}
			if flags := c.f.Real(lots(1, "dose", key)); !reflect.DeepEqual(flags, want) {
				t.Fatalf("%+v: flags %q, want %q", c.f, flags, want)
			}
			if p.BootCPU < c.least || p.BootCPU > c.most || (p.BootCPU-2*p.BootWait).Abs() > 2*time.Microsecond {
				t.Fatalf("%+v: %v and %v", c.f, p.BootCPU, p.BootWait)
			}
			if p.BootCPU > 10*c.f.CPU {
				above++
			}
		}
		if above < c.above10[0] || above > c.above10[1] {
			t.Errorf("%+v: %d of %d are above ten times, want %v", c.f, above, n, c.above10)
		}
	}
}

func TestAPlanKnowsHowLongThoseWaitThatItHasCome(t *testing.T) {
	p := Plan{{Fault: GiveUp{}}, {Fault: Flood{Callers: 9, Patience: 2 * ms}}, {Fault: Flood{Callers: 20, Patience: 3 * ms}}, {Fault: Flood{Callers: 1}}}
	for name, want := range map[string]time.Duration{"flood1.1": 2 * ms, "flood2.19": 3 * ms, "flood3.1": 0, "flood11.1": 0, "c1": 0} {
		if got := p.Waits(name); got != want {
			t.Errorf("%s waits for %v, want %v", name, got, want)
		}
	}
	if !p.Crowded() || p[:1].Crowded() {
		t.Error("whether more callers come is not known")
	}
}

func TestAHogThatNeverRanDidNothing(t *testing.T) {
	had := func(d time.Duration) func() time.Duration { return func() time.Duration { return d } }
	if n := computed([]func() time.Duration{had(0), had(1), had(time.Second)})(); n != 2 {
		t.Errorf("%d of three did something, want 2", n)
	}
}

func TestEveryFaultCanBeDrawnAndIsOfOneKind(t *testing.T) {
	if len(Names()) < 10 {
		t.Errorf("there are only %q", Names())
	}
	from := rand.New(rand.NewPCG(1, 1))
	for _, name := range Names() {
		for range 200 {
			f := Draw(name, from)
			if f.Name() != name {
				t.Fatalf("%s draws %+v", name, f)
			}
			e := Entry{Fault: f, Until: time.Second}
			if _, late := f.(ClosingFault); late {
				e.Until = 0
			}
			if err := (Plan{e}).Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 200 {
		if err := Swarm(from, 3, Recorded()).Check(); err != nil {
			t.Fatal(err)
		}
	}
	if Draw("mishap", from) != nil {
		t.Error("a fault that nobody knows was drawn")
	}
}

// formless is a fault of workers that models can't have, and nobody says why.
type formless struct{}

func (formless) Name() string { return "formless" }
func (formless) Check() error { return nil }
func (formless) Real(Real, worker.Port) (end func() int, err error) {
	return nil, nil
}

func TestAFaultThatModelsCannotHaveSaysWhy(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "formless must be modelled or unmodelled") {
			t.Errorf("got %v", got)
		}
	}()
	Register(formless{}, nil)
}

func TestANameIsGivenOnce(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "two faults are called give-up") {
			t.Errorf("got %v", got)
		}
	}()
	Register(GiveUp{}, nil)
}
