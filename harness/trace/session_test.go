package trace

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// sessions is a bench with a worker that answers whatever a story says.
type sessions struct {
	*bench
	port worker.Port
	far  *far
	made int64
	sent map[string]int64
}

// begin makes a call that is sent to the worker: "c1 s1 put k", and a value if there is
// one more word.
func (s *sessions) begin(words ...string) {
	s.Helper()
	c := subject.Call{Client: "ann", Session: words[1], Command: words[2], Args: map[string]any{"key": words[3]}}
	if len(words) > 4 {
		c.Args["value"] = json.RawMessage(words[4])
	}
	step := scenario.Step{}
	if c.Command == "divide" || words[len(words)-1] == `"no"` {
		step.Fails = "no"
	}
	s.Arrive(words[0], c, step, false)
	s.Begin(words[0], &c, false)
	c.Args["session_id"] = c.Session // as pools do
	s.made++
	s.sent[words[0]] = s.made
	if err := s.port.Send(s.Context(), request(s, s.made, c)); err != nil {
		s.Fatal(err)
	}
}

// end has a call answered with a result, or fail if there is none.
func (s *sessions) end(call, result string) {
	s.Helper()
	if result == "{}" { // rightly told of an error
		s.answer(s.port, s.far, `{"id":%d,"success":false,"error":"no","timestamp":1}`, s.sent[call])
		s.Return(call, "ann", subject.Reply{}, &worker.RemoteError{Message: "no"}, false)
		return
	}
	if result == "" {
		s.Return(call, "ann", subject.Reply{}, errors.New("lost"), false)
		return
	}
	s.answered(s.port, s.far, s.sent[call], result)
	s.Return(call, "ann", subject.Reply{Result: json.RawMessage(result)}, nil, false)
}

func TestASessionIsHeldAgainstWhatItPut(t *testing.T) {
	const (
		ok      = `{"key":"k"}`
		nothing = `{"key":"k","found":false,"value":null}`
	)
	found := func(value string) string { return `{"found":true,"value":` + value + `}` }
	for name, c := range map[string]struct {
		story []string // "begin call session command key [value]", or "end call [result]"
		wrong string   // of the last call; "" if it is right
	}{
		"it finds what it put":                       {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 get k", "c2 " + found(`"c1"`)}, ""},
		"it finds nothing":                           {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 get k", "c2 " + nothing}, `found nothing under "k", where its session had put "c1"`},
		"it finds another's":                         {[]string{"c1 s1 put k", "c1 " + ok, "c3 s2 put k", "c3 " + ok, "c2 s1 get k", "c2 " + found(`"c3"`)}, `found "c3" under "k", where its session had put "c1"`},
		"it finds what nobody put":                   {[]string{"c2 s1 get k", "c2 " + found("7")}, `found 7 under "k", where its session had put nothing`},
		"it had put nothing":                         {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 get other", "c2 " + nothing}, ""},
		"it finds what it put before":                {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 put k", "c2 " + ok, "c3 s1 get k", "c3 " + found(`"c1"`)}, `found "c1" under "k", where its session had put "c2"`},
		"a value of its own":                         {[]string{`c1 s1 put k {"a":1.50}`, "c1 " + ok, "c2 s1 get k", "c2 " + found(`{"a":1.5}`)}, ""},
		"null is not nothing":                        {[]string{"c1 s1 put k null", "c1 " + ok, "c2 s1 get k", "c2 " + nothing}, `found nothing under "k", where its session had put null`},
		"a put may be at work yet":                   {[]string{"c1 s1 put k", "c2 s1 get k", "c2 " + nothing}, ""},
		"or have been":                               {[]string{"c1 s1 put k", "c2 s1 get k", "c2 " + found(`"c1"`)}, ""},
		"of two at once either may be last":          {[]string{"c1 s1 put k", "c2 s1 put k", "c2 " + ok, "c1 " + ok, "c3 s1 get k", "c3 " + found(`"c2"`)}, ""},
		"after a failure it may have begun anew":     {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 get k", "c2", "c3 s1 get k", "c3 " + nothing}, ""},
		"an error that is right takes nothing":       {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 divide k", "c2 {}", "c3 s1 get k", "c3 " + nothing}, `found nothing under "k", where its session had put "c1"`},
		"and puts nothing":                           {[]string{`c1 s1 put k "no"`, "c1 {}", "c2 s1 get k", "c2 " + nothing}, ""},
		"or not":                                     {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 get k", "c2", "c3 s1 get k", "c3 " + found(`"c1"`)}, ""},
		"but what it puts then is there":             {[]string{"c2 s1 get k", "c2", "c1 s1 put k", "c1 " + ok, "c3 s1 get k", "c3 " + nothing}, `found nothing under "k", where its session had put "c1"`},
		"it is shown what it put":                    {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 list -", `c2 {"keys":["k"]}`}, ""},
		"or puts just now":                           {[]string{"c1 s1 put k", "c2 s1 list -", `c2 {"keys":["k"]}`}, ""},
		"it need not be shown anything":              {[]string{"c1 s1 put k", "c1 " + ok, "c2 s1 list -", `c2 {"keys":[]}`}, ""},
		"it is shown another's":                      {[]string{"c1 s1 put k", "c1 " + ok, "c2 s2 list -", `c2 {"keys":["k"]}`}, `was shown "k", which belongs to another session`},
		"though it has looked for it":                {[]string{"c1 s1 put k", "c1 " + ok, "c3 s2 get k", "c3 " + nothing, "c2 s2 list -", `c2 {"keys":["k"]}`}, `was shown "k", which belongs to another session`},
		"without a session one is shown another's":   {[]string{"c1 s1 put k", "c1 " + ok, "c2 - list -", `c2 {"keys":["k"]}`}, `was shown "k", which belongs to another session`},
		"or what was put without one":                {[]string{"c1 - put k", "c1 " + ok, "c2 - list -", `c2 {"keys":["k"]}`}, ""},
		"without a session nobody promises anything": {[]string{"c1 - put k", "c1 " + ok, "c2 - get k", "c2 " + nothing}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sessions{bench: newBench(t), sent: map[string]int64{}}
			s.port, s.far = s.launch("w1")
			for _, line := range c.story {
				words := strings.Split(strings.ReplaceAll(line, " - ", "  "), " ")
				if strings.HasPrefix(words[len(words)-1], "{") && len(words) == 2 || len(words) == 1 {
					s.end(words[0], strings.Join(words[1:], ""))
				} else {
					s.begin(words...)
				}
			}
			if e := s.last(scenario.Return); e.Text != c.wrong || e.Wrong != (c.wrong != "") {
				t.Errorf("%v %q, want %q", e.Wrong, e.Text, c.wrong)
			}
			if e := s.last(scenario.Send); e.Session != s.last(scenario.Arrive).Session || (e.Session == "") != strings.Contains(c.story[len(c.story)-2], " - ") {
				t.Errorf("it was sent in %q, and arrived in %q", e.Session, s.last(scenario.Arrive).Session)
			}
		})
	}
}
