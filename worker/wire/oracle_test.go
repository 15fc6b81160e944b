package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// The oracle says by way of encoding/json alone what the parsers should say.

// oracleFields takes an object apart. Of the fields called names none may be
// there twice.
func oracleFields(payload []byte, names []string) (map[string]json.RawMessage, bool) {
	if !utf8.Valid(payload) || !json.Valid(payload) || oracleDepth(payload) > MaxDepth {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, false
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, false
		}
		name := key.(string)
		if _, twice := fields[name]; twice && indexOf(names, []byte(name)) >= 0 {
			return nil, false
		}
		fields[name] = value
	}
	return fields, true
}

// oracleDepth is how deep a valid text nests.
func oracleDepth(data []byte) int {
	d := json.NewDecoder(bytes.NewReader(data))
	depth, deepest := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// take decodes an optional field into to; null counts as missing.
func take(fields map[string]json.RawMessage, name string, to any, ok *bool) {
	value, there := fields[name]
	if there && string(value) != "null" && json.Unmarshal(value, to) != nil {
		*ok = false
	}
}

var integer = regexp.MustCompile(`^[0-9]+$`)

// takeCount is take for an integer of at least 0, written as one.
func takeCount(fields map[string]json.RawMessage, name string, ok *bool) int64 {
	value, there := fields[name]
	if !there || string(value) == "null" {
		return 0
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || !integer.Match(value) {
		*ok = false
	}
	return n
}

// need is take for a field that has to be there and not null.
func need(fields map[string]json.RawMessage, name string, to any, ok *bool) {
	if value, there := fields[name]; !there || string(value) == "null" {
		*ok = false
		return
	}
	take(fields, name, to, ok)
}

func oracleReply(payload []byte) (Reply, bool) {
	fields, ok := oracleFields(payload, replyNames)
	if !ok {
		return Reply{}, false
	}
	var r Reply
	need(fields, "id", new(json.Number), &ok)
	r.ID = takeCount(fields, "id", &ok)
	need(fields, "success", &r.Success, &ok)
	if r.Success {
		if r.Result = fields["result"]; r.Result == nil {
			ok = false
		}
	} else {
		need(fields, "error", &r.Error, &ok)
		take(fields, "error_type", &r.ErrorType, &ok)
		take(fields, "traceback", &r.Traceback, &ok)
	}
	take(fields, "timestamp", &r.Timestamp, &ok)
	take(fields, "more", &r.More, &ok)
	if value := fields["evidence"]; value != nil && string(value) != "null" {
		stated, isObject := oracleFields(value, evidenceNames)
		var ms float64
		take(stated, "import_ms", &ms, &ok)
		r.Evidence = &Evidence{
			OnCPU:       time.Duration(takeCount(stated, "on_cpu_ns", &ok)),
			RunDelay:    time.Duration(takeCount(stated, "run_delay_ns", &ok)),
			MajorFaults: takeCount(stated, "major_faults", &ok),
			Import:      time.Duration(math.Round(ms * 1e6)),
		}
		ok = ok && isObject && ms >= 0 && ms <= importMax
	}
	return r, ok
}

var isoForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?$`)

func oracleRequest(payload []byte) (Request, bool) {
	fields, ok := oracleFields(payload, requestNames)
	if !ok {
		return Request{}, false
	}
	var r Request
	need(fields, "id", new(json.Number), &ok)
	r.ID = takeCount(fields, "id", &ok)
	need(fields, "command", &r.Command, &ok)
	need(fields, "args", &r.Args, &ok)
	take(fields, "evidence", &r.Evidence, &ok)
	var stamp string
	take(fields, "timestamp", &stamp, &ok)
	if value := fields["timestamp"]; value != nil && string(value) != "null" {
		parts := isoForm.FindStringSubmatch(stamp)
		if parts == nil {
			return r, false
		}
		if parts[3] == "" {
			stamp += "Z"
		}
		at, err := time.Parse(time.RFC3339Nano, stamp)
		at = at.UTC().Truncate(time.Microsecond)
		ok = ok && err == nil && at.Year() >= 1 && at.Year() <= 9999
		r.Timestamp = at
	}
	return r, ok
}
