package wire

import (
	"encoding/json"
	"math"
	"strconv"
)

// collect takes the fields called names off the object that data is, as they
// stand in the text, in the order of names; nil for one that is missing. Names
// are compared letter by letter. Other fields are passed over; one of names
// given twice is an error. All of data is checked.
func collect(data []byte, depth int, names []string, values [][]byte) *MessageError {
	o := members{data: data, at: skipSpace(data, 0), depth: depth}
	for o.next() {
		field := indexOf(names, o.key)
		value := o.skip()
		if field < 0 || o.err != nil {
			continue
		}
		if values[field] != nil {
			return faulty(ErrDuplicate, "given twice: %s and %s", quote(values[field]), quote(value)).under(names[field])
		}
		values[field] = value
	}
	if o.err != nil {
		return o.err
	}
	if end := skipSpace(data, o.at); end < len(data) {
		return malformed(data, end, "nothing after the object")
	}
	return nil
}

func indexOf(names []string, key []byte) int {
	for i, name := range names {
		if string(key) == name {
			return i
		}
	}
	return -1
}

// absent says that an optional field was not given: null counts as that.
func absent(value []byte) bool {
	return value == nil || string(value) == "null"
}

func quote(value []byte) string { return shorten(string(value)) }

func missing(wanted string) *MessageError {
	return faulty(ErrMissing, "missing, want %s", wanted)
}

func wrongType(value []byte, wanted string) *MessageError {
	return faulty(ErrWrongType, "want %s, got %s", wanted, quote(value))
}

func badValue(value []byte, wanted string) *MessageError {
	return faulty(ErrBadValue, "want %s, got %s", wanted, quote(value))
}

// count reads an integer of at least 0. It has to be written as one: neither
// 1.0 nor 1e2 is.
func count(value []byte) (int64, *MessageError) {
	const wanted = "an integer from 0"
	if value == nil {
		return 0, missing(wanted)
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			if value[0] == '-' && skipDigits(value, 1) == len(value) {
				return 0, badValue(value, wanted)
			}
			return 0, wrongType(value, wanted)
		}
		digit := int64(c - '0')
		if n > (math.MaxInt64-digit)/10 {
			return 0, badValue(value, wanted+" to 9223372036854775807")
		}
		n = n*10 + digit
	}
	return n, nil
}

func boolean(value []byte) (bool, *MessageError) {
	switch {
	case value == nil:
		return false, missing("true or false")
	case string(value) == "true":
		return true, nil
	case string(value) == "false":
		return false, nil
	}
	return false, wrongType(value, "true or false")
}

func text(value []byte) (string, *MessageError) {
	switch {
	case value == nil:
		return "", missing("a string")
	case value[0] != '"':
		return "", wrongType(value, "a string")
	}
	return unquote(value), nil
}

func number(value []byte) (float64, *MessageError) {
	if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return 0, wrongType(value, "a number")
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return 0, badValue(value, "a number that a float64 can hold")
	}
	return f, nil
}

// object checks that value is one, as far as its first byte says.
func object(value []byte) *MessageError {
	switch {
	case len(value) == 0:
		return missing("an object")
	case value[0] != '{':
		return wrongType(value, "an object")
	}
	return nil
}

// checkRaw checks that raw is one JSON value, which would stand depth deep.
func checkRaw(raw json.RawMessage, depth int) *MessageError {
	if err := isUTF8(raw); err != nil {
		return err
	}
	end, err := skipValue(raw, skipSpace(raw, 0), depth)
	if err != nil {
		return err
	}
	if end = skipSpace(raw, end); end < len(raw) {
		return malformed(raw, end, "nothing after the value")
	}
	return nil
}
