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
	s.Order = Order{Seed: 5, Strategy: PCT, Depth: 3, Length: 40, Choices: []int{0, 2, 1}, Begin: []string{"c2", "c1"}}
	s.Start = Demand{CPU: 300 * ms, Wait: time.Hour}
	s.Warm = 2
	s.Workload = Workload{Clients: 5, Arrive: Poisson, Every: 20 * ms, At: []time.Duration{0, 20 * ms, 1, 2, 3}, Calls: 2, Think: 3 * ms, Command: "sleep", Args: map[string]any{"s": 0.25, "text": "é: x"}, Mortal: true, DieAfter: time.Minute}
	s.Faults = faults.Plan{{Fault: faults.SlowStart{CPU: 300 * ms}, Target: faults.Target{First: 2}}, {Fault: faults.CPUHogs{Threads: 4}, At: faults.Clock, Until: time.Minute}}
	contract := aContract()
	s.Contract = &contract
	s.Deadline, s.Slack, s.Patience, s.Recovery = 2*time.Second, 1.25, 3*time.Second, 4*time.Second
	before := File{Subject: "any", Expected: Architectural, Mechanism: "queued behind the start of a worker", Scenario: s}
	for v, i := reflect.ValueOf(s), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() && v.Type().Field(i).Tag.Get("yaml") != "-" {
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
	after.Scenario.Subject, before.Scenario.Subject = subject.Subject{}, subject.Subject{} // code is not comparable
	if !reflect.DeepEqual(before, after) {
		t.Errorf("got  %+v\nwant %+v", after, before)
	}
	if text, _ := os.ReadFile(path); !strings.HasPrefix(string(text), "# what it is\n#\n# and why\nsubject: any\n") {
		t.Errorf("the file begins otherwise:\n%s", text)
	}
	if err := before.Write(path, ""); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is there was overwritten: %v", err)
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
	for text, tells := range map[string][]string{
		"":                                {"empty"},
		"- a":                             {"1:1"},
		least + "confg: 3":                {"4:1", `"confg"`},
		least + "subject: other":          {"4:1", "subject"},
		least + "deadline: 3":             {"4:11", "300ms"},
		least + "deadline: 3 s":           {"3 s", "300ms"},
		least + "deadline: -1s":           {"Deadline"},
		least + "expected: fine":          {`"fine"`, "verdict"},
		least + "order: {strategy: luck}": {`"luck"`},
		least + "start: [1]":              {"4:8"},
		least + "---\n" + least:           {"second document"},
		strings.Replace(least, "any", "nobody", 1):         {"nobody"},
		strings.Replace(least, "subject: any", "", 1):      {"no subject"},
		strings.Replace(least, "size: 1", "size: one", 1):  {"2:16", "int"},
		strings.Replace(least, "size: 1", "size: 0", 1):    {"Config.Size"},
		strings.Replace(least, "clients: 1", "call: 1", 1): {`"call"`},
		"subject: any\nconfig: {size: [}":                  {"2:"},
	} {
		_, err := Parse([]byte(text), named)
		for _, tell := range tells {
			if err == nil || !strings.Contains(err.Error(), tell) {
				t.Errorf("%q: the error lacks %q: %v", text, tell, err)
			}
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
