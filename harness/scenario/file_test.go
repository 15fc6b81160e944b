package scenario

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/subject"
)

// named finds a subject called any.
func named(name string) (subject.Subject, error) {
	if name != "any" {
		return subject.Subject{}, errors.New("no subject is called " + name)
	}
	return good().Subject, nil
}

func TestAFileSaysWhatAScenarioSays(t *testing.T) {
	s := good()
	s.Name, s.World, s.Seed, s.Cores = "all of it", "virtual", 17, 3
	s.Config = subject.Config{Name: "blue", Size: 4, Overflow: 2, QueueLimit: -1, StartConcurrency: 3, Cores: 1.5, Lazy: true,
		StartTimeout: time.Second, CheckoutTimeout: 1500 * ms, CallTimeout: 7 * time.Microsecond, Options: map[string]any{"deaf-start": false}}
	s.Order = Order{Seed: 5, Strategy: PCT, Depth: 3, Length: 40, Choices: []int{0, 2, 1}, Trace: "0123456789abcdef", Begin: []string{"c2", "c1"}}
	s.Start = Demand{CPU: 300 * ms, Wait: time.Hour}
	s.Warm, s.WarmPatience, s.Stops = 2, 20*time.Second, true
	s.Workload = Workload{Clients: 5, Arrive: Poisson, Every: 20 * ms, At: []time.Duration{0, 20 * ms, 1, 2, 3}, Calls: 2, Think: 3 * ms, Command: "sleep", Args: map[string]any{"s": 0.25, "text": "é: x"}, Mortal: true, DieAfter: time.Minute, Health: []time.Duration{0, 1500 * ms},
		Sessions: 2, EndSessions: true, Then: []Step{{Command: "burn", Args: map[string]any{"cpu_s": 0.5}}, {Command: "ping", Fails: "no", Anonymous: true}}, Fails: "ValueError"}
	s.Faults = faults.Plan{{Fault: faults.SlowStart{CPU: 300 * ms}, Target: faults.Target{First: 2}}, {Fault: faults.CPUHogs{Threads: 4}, At: faults.Clock, Until: time.Minute}}
	s.Others = []Other{{Subject: s.Subject, Config: subject.Config{Name: "green", Size: 3}, Warm: 1, Workload: Workload{Clients: 2, Command: "echo", Every: ms}, Stops: true}}
	contract := aContract()
	s.Contract = &contract
	s.Swarm = 3
	s.Deadline, s.Slack, s.Patience, s.Recovery = 2*time.Second, 1.25, 3*time.Second, 4*time.Second
	before := File{Subject: "any", Expected: Architectural, Mechanism: "queued behind the start of a worker", Scenario: s}
	for v, i := reflect.ValueOf(s), 0; i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && v.Type().Field(i).Tag.Get("yaml") != "-" && name != "Boxed" { // which is of another world: below
			t.Errorf("this test leaves out %s", v.Type().Field(i).Name)
		}
	}

	path := filepath.Join(t.TempDir(), "deep.yaml")
	if err := before.Write(path, "what it is\n\nand why\n"); err != nil {
		t.Fatal(err)
	}
	after, err := Read(path, named)
	if err != nil {
		t.Fatal(err)
	}
	if after.Scenario.Others[0].Subject.Open == nil {
		t.Error("the other pool has no code")
	}
	for _, sc := range []*Scenario{&before.Scenario, &after.Scenario} { // code is not comparable
		sc.Subject, sc.Others[0].Subject.Open = subject.Subject{}, nil
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("got  %+v\nwant %+v", after, before)
	}
	if text, _ := os.ReadFile(path); !strings.HasPrefix(string(text), "# what it is\n#\n# and why\nsubject: any\n") {
		t.Errorf("the file begins otherwise:\n%s", text)
	}
	if err := before.Write(path, ""); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is there was overwritten: %v", err)
	}

	of := File{Subject: "any", Scenario: good()}
	of.Scenario.World, of.Scenario.Boxed = "container", true
	text, err := of.Text()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(text, named); err != nil || !again.Scenario.Boxed {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestAFileThatWouldSayLessThanItsScenarioIsNotWritten(t *testing.T) {
	s := good()
	s.World, s.Replay = "virtual", &Environment{Cores: 2}
	path := filepath.Join(t.TempDir(), "less.yaml")
	if err := (File{Subject: "any", Scenario: s}).Write(path, ""); err == nil || !strings.Contains(err.Error(), "recorded environment") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

const least = "subject: any\nconfig: {size: 1}\nworkload: {clients: 1, command: ping}\n"

func TestAScenarioIsCalledLikeItsFileUnlessItHasAName(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{least: "three-on-one", least + "name: other\n": "other"} {
		path := filepath.Join(dir, "three-on-one.yaml")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if f, err := Read(path, named); err != nil || f.Scenario.Name != want {
			t.Errorf("it is called %q, want %q: %v", f.Scenario.Name, want, err)
		}
	}
}

func TestWhatIsWrongWithAFileIsNamed(t *testing.T) {
	for text, tells := range map[string]string{
		"":                       "it is empty",
		"# nothing":              "it is empty",
		"- a":                    "line 1: it is a list: it must be keys with values",
		"a":                      `line 1: it is "a": it must be keys with values`,
		least + "confg: 3":       `line 4: "confg" is no key: there are boxed, config, contract, cores, `,
		least + "subject: other": `line 4: mapping key "subject" already defined at [1:1]`,
		least + "deadline: 3":    "line 4: deadline is 3: it must be a duration, written like 300ms or 1.5s",
		least + "deadline: 3 s":  `line 4: deadline is "3 s": it must be a duration`,
		least + "deadline: -1s":  "line 4: deadline is -1s: ",
		least + "seed: -1":       "line 4: seed is -1: it must be an integer from 0 to 18446744073709551615",
		least + "seed: 1.5":      "line 4: seed is 1.5: it must be an integer",
		least + "seed: 1" + strings.Repeat("0", 30): "line 4: seed is 1000000000000000000000000000000: it must be an integer",
		least + "warm: 1" + strings.Repeat("0", 30): "line 4: warm is 1000000000000000000000000000000: it must be an integer",
		least + "world: moon":                       `line 4: world is "moon": there are process, virtual`,
		least + "warm: 2":                           "line 4: warm is 2: it must be from 0 to config.size, 1",
		strings.Replace(least, "ping", "ping, then: [{command: ping}, {args: {s: 1}}]", 1): "line 3: workload.then[1].command is empty",
		least + "expected: fine":                  `line 4: expected is "fine", which is no verdict`,
		least + "order: {strategy: luck}":         `line 4: order.strategy is "luck"`,
		least + "order: {choices: [0, x]}":        `line 4: order.choices[1] is "x": it must be an integer`,
		least + "start: [1]":                      "line 4: start is a list: it must be keys with values",
		least + "start:\n  cpu: 1s\n  wait: [1s]": "line 6: start.wait is a list: it must be a duration",
		least + "---\n" + least:                   "line 5: there is a second document",
		least + "contract: {}":                    "line 4: the contract does not say cores, start.cpu",
		least + "contract:\n  cores: two":         `line 5: contract.cores is "two": it must be a number`,
		least + "contract:\n  " + strings.ReplaceAll(strings.Replace(contractText, "crashes: 1", "crashes: -1", 1), "\n", "\n  "): "line 9: contract.crashes is -1",
		least + "faults:\n- fault: give-up\n  times: few":                                                                         `line 6: faults[0].times is "few": it must be an integer`,
		strings.Replace(least, "any", "nobody", 1):                                                                                `line 1: subject is "nobody": `,
		strings.Replace(least, "subject: any", "", 1):                                                                             "it names no subject",
		strings.Replace(least, "size: 1", "size: one", 1):                                                                         `line 2: config.size is "one": it must be an integer`,
		strings.Replace(least, "size: 1", "size: 1.7", 1):                                                                         "line 2: config.size is 1.7: it must be an integer",
		strings.Replace(least, "size: 1", "size: 0", 1):                                                                           "line 2: config.size is 0: ",
		strings.Replace(least, "size: 1", "lazy: true", 1):                                                                        "line 2: config.size is 0: ",
		strings.Replace(least, "size: 1", "size: 1, lazy: maybe", 1):                                                              `line 2: config.lazy is "maybe": it must be true or false`,
		strings.Replace(least, "clients: 1", "call: 1", 1):                                                                        `line 3: "call" is no key`,
		"subject: any\nconfig: {size: [}":                                                                                         "line 2: ",
	} {
		_, err := Parse([]byte(text), named)
		if err == nil || !strings.HasPrefix(err.Error(), tells) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line that begins with %q", text, err, tells)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(least + "deadline: 1.5s\norder: {strategy: pct, depth: 3, choices: [1, 2]}\nexpected: sound\n"))
	f.Add([]byte("subject: &a any\nname: *a\n"))
	f.Add([]byte("? {}\n: [\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		one, err := Parse(text, named)
		if err != nil {
			return
		}
		again, err := one.Text()
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		two, err := Parse(again, named)
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, again)
		}
		one.Scenario.Subject, two.Scenario.Subject = subject.Subject{}, subject.Subject{}
		three, err := two.Text()
		if err != nil || string(three) != string(again) {
			t.Fatalf("%v: it changes each time:\n%s\n%s", err, again, three)
		}
	})
}

// Reduced to nothing, a list still means the first by name, not a lot.
func TestAnEmptyListOfChoicesStaysOne(t *testing.T) {
	before := File{Subject: "any", Scenario: good()}
	before.Scenario.Order.Choices = []int{}
	text, err := before.Text()
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse(text, named)
	if c := after.Scenario.Order.Choices; err != nil || c == nil || len(c) > 0 {
		t.Errorf("%v is read from\n%s: %v", c, text, err)
	}
	for _, o := range []Order{{Choices: []int{}}, {}} {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var after Order
		if err := json.Unmarshal(text, &after); err != nil || !reflect.DeepEqual(after, o) {
			t.Errorf("%s is read as %#v, want %#v: %v", text, after, o, err)
		}
	}
}
