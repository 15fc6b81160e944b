package trace

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/subject"
)

// A session is what calls of one, or of none, have put so far, and so may find. A call that failed
// may have taken all of it with it, or not: whoever is told that goes on from there.
type session struct {
	under int                 // calls under way
	alone bool                // there was no other since the first of them began
	may   map[string][]string // under each key, as JSON, what may be there; nothing is ""
}

// begins notes that a call of a session is made. What a put leaves is its call's id
// unless the scenario says what: nobody else's is taken for it.
func (r *Recorder) begins(id string, c *subject.Call) {
	if c.Session == "" && c.Command != "put" && c.Command != "list" {
		return // of no session each worker has a state of its own
	}
	s := r.sessions[c.Session]
	if s == nil {
		s = &session{may: map[string][]string{}}
		r.sessions[c.Session] = s
	}
	s.under++
	s.alone = s.under == 1
	k := r.calls[id]
	k.session, k.command = s, c.Command
	k.key, _ = c.Args["key"].(string)
	if s.may[k.key] == nil {
		s.may[k.key] = []string{""}
	}
	if c.Command != "put" {
		return
	}
	if _, ok := c.Args["value"]; !ok {
		c.Args["value"] = id
	}
	value, _ := json.Marshal(c.Args["value"])
	k.value = string(value)
	s.may[k.key] = append(s.may[k.key], k.value)
}

// ends notes that it is back, and says what is wrong with its answer, if its session
// had left something else than it found. result is nil if it was told of an error: of
// the right one, or it failed.
func (k *call) ends(result json.RawMessage, failed bool) (wrong string) {
	s := k.session
	if s == nil {
		return ""
	}
	s.under--
	switch {
	case failed:
		for key, may := range s.may {
			s.may[key] = append(may, "")
		}
	case result == nil:
	case k.command == "put" && s.alone: // else another may have come before or after it
		s.may[k.key] = []string{k.value}
	case k.command == "list":
		for _, key := range listed(result) {
			if !slices.ContainsFunc(s.may[key], func(may string) bool { return may != "" }) {
				return fmt.Sprintf("was shown %q, which belongs to another session", key)
			}
		}
	case k.command == "get":
		found := finding(result)
		if slices.ContainsFunc(s.may[k.key], func(may string) bool {
			return may == found || may != "" && found != "" && sameJSON([]byte(may), []byte(found))
		}) {
			break
		}
		return fmt.Sprintf("found %s under %q, where its session had put %s", named(found), k.key, named(s.may[k.key][len(s.may[k.key])-1]))
	}
	return ""
}

// finding is what a get says was there, as JSON; "" for nothing.
func finding(result json.RawMessage) string {
	var said struct {
		Found bool            `json:"found"`
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(result, &said) != nil || !said.Found {
		return ""
	}
	return string(said.Value)
}

// listed are the keys that a listing shows.
func listed(result json.RawMessage) []string {
	var said struct {
		Keys []string `json:"keys"`
	}
	_ = json.Unmarshal(result, &said)
	return said.Keys
}

func named(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}
