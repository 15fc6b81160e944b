package scenario

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
)

func TestAnotherPoolIsAScenarioOfItsOwn(t *testing.T) {
	s := good()
	s.Others = []Other{{Subject: s.Subject, Config: s.Config, Warm: 1, Workload: Workload{Clients: 7, Command: "echo"}}}
	s.Others[0].Config.Size = 5
	s.Replay, s.Faults = &Environment{Cores: 2}, faults.Plan{{Fault: faults.DiesBeforeHello{}}}
	o := s.Other(0)
	if o.Config.Size != 5 || o.Warm != 1 || o.Workload.Clients != 7 || o.Deadline != s.Deadline || o.Start != s.Start || o.Others != nil || o.Faults != nil || o.Replay != nil {
		t.Errorf("it is %+v", o)
	}
	if s.Config.Size == 5 || s.Others == nil {
		t.Errorf("the scenario has changed itself: %+v", s)
	}
}

func TestWhatIsWrongWithAnotherPoolIsNamed(t *testing.T) {
	others := func(of string) string { return least + "others:\n- " + strings.ReplaceAll(of, "\n", "\n  ") }
	const fine = "subject: any\nconfig: {size: 1}\nworkload: {clients: 1, command: ping}"
	for text, tells := range map[string]string{
		others(fine): "",
		others(strings.Replace(fine, "any", "nobody", 1)):          `line 5: others[0].subject is "nobody": no subject is called nobody`,
		others(strings.Replace(fine, "any", "[any]", 1)):           "line 5: others[0].subject is a list: it must be a word",
		others(strings.Replace(fine, "subject: any\n", "", 1)):     `line 5: others[0].subject is "": `,
		others(strings.Replace(fine, "size: 1", "size: 0", 1)):     "line 6: others[0].config.size is 0: it must be from 1",
		others(strings.Replace(fine, "clients: 1", "calls: 1", 1)): "line 7: others[0].workload.clients is 0",
		others(fine + "\nwarm: 2"):                                 "line 8: others[0].warm is 2",
		others(fine + "\nstops: soon"):                             `line 8: others[0].stops is "soon": it must be true or false`,
		others(fine + "\nfaults: []"):                              `line 8: "faults" is no key: there are config, stops, subject, warm, workload`,
		least + "others: []\n" + "warm: 3":                         "line 5: warm is 3",
		least + "others:\n" + strings.Repeat("- {subject: any, config: {size: 1}, workload: {clients: 1, command: ping}}\n", 17): "line 5: others are 17 pools",
		"world: virtual\n" + others(strings.Replace(fine, "ping", "frob", 1)):                                                    `line 8: others[0].workload.command is "frob"`,
	} {
		_, err := Parse([]byte(text), named)
		switch {
		case tells == "" && err != nil:
			t.Errorf("%s\n%v", text, err)
		case tells != "" && (err == nil || !strings.Contains(err.Error(), tells)):
			t.Errorf("%s\ngot %v, want %s", text, err, tells)
		case tells != "" && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s\nsays more than one thing: %v", text, err)
		}
	}
}
