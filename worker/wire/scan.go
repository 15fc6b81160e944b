package wire

import "unicode/utf8"

// MaxDepth is how deep objects and arrays may nest in a message, the message
// itself counted. Python's own json gives up somewhere below 1000.
const MaxDepth = 512

// The scanners take a text and the place in it where something begins, and
// return the place behind it. They check the grammar of JSON; that the text is
// UTF-8 is checked by isUTF8, once for all.

func isUTF8(data []byte) *MessageError {
	if utf8.Valid(data) {
		return nil
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return faulty(ErrNotUTF8, "not UTF-8: byte %#02x at %d", data[at], at)
		}
		at += size
	}
}

// malformed says what is wanted at data[at] and what stands there.
func malformed(data []byte, at int, wanted string) *MessageError {
	if at >= len(data) {
		return faulty(ErrMalformed, "malformed JSON: ends after %d bytes, want %s", len(data), wanted)
	}
	r, _ := utf8.DecodeRune(data[at:])
	return faulty(ErrMalformed, "malformed JSON: %q at byte %d, want %s", r, at, wanted)
}

func skipSpace(data []byte, at int) int {
	for at < len(data) {
		switch data[at] {
		case ' ', '\n', '\t', '\r':
			at++
		default:
			return at
		}
	}
	return at
}

// skipValue passes over the value that begins at data[at], depth levels deep.
func skipValue(data []byte, at, depth int) (int, *MessageError) {
	if at >= len(data) {
		return at, malformed(data, at, "a value")
	}
	switch c := data[at]; c {
	case '"':
		end, _, err := skipString(data, at)
		return end, err
	case '{':
		return skipObject(data, at, depth)
	case '[':
		return skipArray(data, at, depth)
	case 't':
		return skipWord(data, at, "true")
	case 'f':
		return skipWord(data, at, "false")
	case 'n':
		return skipWord(data, at, "null")
	default:
		return skipNumber(data, at)
	}
}

func skipWord(data []byte, at int, word string) (int, *MessageError) {
	for i := range len(word) {
		if at+i >= len(data) || data[at+i] != word[i] {
			return at, malformed(data, at+i, word)
		}
	}
	return at + len(word), nil
}

// plain marks the bytes that stand for themselves within a string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return
}()

// skipString also says whether there is an escape in the string.
func skipString(data []byte, at int) (end int, escaped bool, err *MessageError) {
	for i := at + 1; i < len(data); {
		c := data[i]
		switch {
		case plain[c]:
			i++
		case c == '"':
			return i + 1, escaped, nil
		case c == '\\':
			escaped = true
			if i, err = skipEscape(data, i); err != nil {
				return i, escaped, err
			}
		default:
			return i, escaped, malformed(data, i, "no control character in a string")
		}
	}
	return len(data), escaped, malformed(data, len(data), "the end of a string")
}

func skipEscape(data []byte, at int) (int, *MessageError) {
	if at+1 >= len(data) {
		return at, malformed(data, len(data), "the end of an escape")
	}
	switch data[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 2, nil
	case 'u':
		for i := at + 2; i < at+6; i++ {
			if i >= len(data) || hexDigit(data[i]) < 0 {
				return i, malformed(data, i, "a hexadecimal digit")
			}
		}
		return at + 6, nil
	}
	return at, malformed(data, at+1, "an escape that JSON knows")
}

// hexDigit is the worth of a hexadecimal digit, or -1.
func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}

func skipNumber(data []byte, at int) (int, *MessageError) {
	i := at
	if i < len(data) && data[i] == '-' {
		i++
	}
	switch {
	case i < len(data) && data[i] == '0':
		i++
	case i < len(data) && '1' <= data[i] && data[i] <= '9':
		i = skipDigits(data, i)
	case i == at:
		return i, malformed(data, i, "a value")
	default:
		return i, malformed(data, i, "a digit")
	}
	if i < len(data) && data[i] == '.' {
		first := i + 1
		if i = skipDigits(data, first); i == first {
			return i, malformed(data, i, "a digit")
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		first := i + 1
		if first < len(data) && (data[first] == '+' || data[first] == '-') {
			first++
		}
		if i = skipDigits(data, first); i == first {
			return i, malformed(data, i, "a digit")
		}
	}
	return i, nil
}

func skipDigits(data []byte, at int) int {
	for at < len(data) && '0' <= data[at] && data[at] <= '9' {
		at++
	}
	return at
}

func skipObject(data []byte, at, depth int) (int, *MessageError) {
	o := members{data: data, at: at, depth: depth}
	for o.next() {
		o.skip()
	}
	return o.at, o.err
}

func skipArray(data []byte, at, depth int) (int, *MessageError) {
	a := elements{data: data, at: at, depth: depth}
	for a.next() {
		a.skip()
	}
	return a.at, a.err
}

func tooDeep() *MessageError {
	return faulty(ErrTooDeep, "nested over %d levels deep, or cyclic", MaxDepth)
}
