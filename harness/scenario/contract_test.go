package scenario

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func aContract() Contract {
	return Contract{
		Cores: 2, Start: Demand{CPU: 500 * ms, Wait: 2 * time.Second}, Call: Demand{CPU: time.Second, Wait: time.Minute},
		Outside: 0.5, Crashes: 1, Mute: 2, Recovery: 5 * time.Second,
	}
}

const contractText = `cores: 2
start: {cpu: 500ms, wait: 2s}
call: {cpu: 1s, wait: 1m}
outside: 0.5
crashes: 1
mute_starts: 2
recovery: 5s
`

func TestAContractSaysWhatItsTextSays(t *testing.T) {
	got, err := ParseContract([]byte(contractText))
	if err != nil || got != aContract() {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = ParseContract([]byte(strings.Replace(contractText, ", wait: 1m", "", 1))); err != nil || got.Call.Wait != 0 {
		t.Errorf("calls that may wait as long as they like: %+v, %v", got, err)
	}
}

func TestAContractThatCannotBeIsNamed(t *testing.T) {
	for says, change := range map[string][2]string{
		"it is empty": {contractText, ""},
		"line 1: the contract does not say cores":           {"cores: 2\n", ""},
		"line 1: the contract does not say start.wait":      {", wait: 2s", ""},
		"start.cpu, start.wait, outside":                    {"start: {cpu: 500ms, wait: 2s}\ncall: {cpu: 1s, wait: 1m}\noutside: 0.5", "call: {cpu: 1s}"},
		"line 3: call.cpu is -1s":                           {"call: {cpu: 1s", "call: {cpu: -1s"},
		"line 1: cores is 0":                                {"cores: 2", "cores: 0"},
		"cores is +Inf":                                     {"cores: 2", "cores: .inf"},
		"outside is NaN":                                    {"outside: 0.5", "outside: .nan"},
		"outside is -1":                                     {"outside: 0.5", "outside: -1"},
		"crashes is -1":                                     {"crashes: 1", "crashes: -1"},
		"mute_starts is -1":                                 {"mute_starts: 2", "mute_starts: -1"},
		"recovery is 0: ":                                   {"recovery: 5s", "recovery: 0s"},
		`line 4: "hogs" is no key: there are call, cores, `: {"outside: 0.5", "hogs: 3\noutside: 0.5"},
		`line 7: recovery is "soon": it must be a duration, written like 300ms or 1.5s`: {"recovery: 5s", "recovery: soon"},
		"cores is 1e+09":    {"cores: 2", "cores: 1000000000.0"},
		"outside is 1e+300": {"outside: 0.5", "outside: 1.0e+300"},
		"crashes is 1000000000: it must be from 0 to 1048576":     {"crashes: 1", "crashes: 1000000000"},
		"mute_starts is 1000000000: it must be from 0 to 1048576": {"mute_starts: 2", "mute_starts: 1000000000"},
		"recovery is 2000000h0m0s: it must be from 0 to 24h0m0s":  {"recovery: 5s", "recovery: 2000000h"},
		"there is a second document":                              {"recovery: 5s", "recovery: 5s\n---\ncores: 2"},
		"cores is -1: it must be above 0, and at most 1048576":    {"cores: 2", "cores: -1"},
	} {
		text := strings.Replace(contractText, change[0], change[1], 1)
		if _, err := ParseContract([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v of\n%s", says, err, text)
		}
	}
	s := good()
	s.Contract = &Contract{}
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "contract.cores is 0") {
		t.Errorf("of a scenario: %v", err)
	}
	if _, err := ReadContract("no such file"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestTheProjectsContractIsOneAndItsSchemaKnowsAllThatItSays(t *testing.T) {
	if _, err := ReadContract("../../ci/contract.yaml"); err != nil {
		t.Error(err)
	}
	type object struct {
		Additional *bool             `json:"additionalProperties"`
		Required   []string          `json:"required"`
		Properties map[string]object `json:"properties"`
	}
	text, err := os.ReadFile("../../ci/contract.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var hold func(o object, page reflect.Type)
	hold = func(o object, page reflect.Type) {
		var names []string
		for i := range page.NumField() {
			f := page.Field(i)
			name := f.Tag.Get("yaml")
			names = append(names, name)
			in, ok := o.Properties[name]
			if must := f.Type.Kind() == reflect.Pointer; !ok || slices.Contains(o.Required, name) != must {
				t.Errorf("%s: known %v, required %v", name, ok, !must)
			}
			if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct {
				hold(in, f.Type.Elem())
			}
		}
		if len(names) != len(o.Properties) || o.Additional == nil || *o.Additional {
			t.Errorf("the schema has %v, the contract %q; others refused: %v", o.Properties, names, o.Additional)
		}
	}
	hold(schema, reflect.TypeFor[contractPage]())
}
