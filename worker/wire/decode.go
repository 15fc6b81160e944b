package wire

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeObject reads the object that begins at data[at] into a map of the
// types that encoding/json would choose: float64, string, bool, nil, []any,
// map[string]any. Of a key given twice the last value counts, as in Python.
func decodeObject(data []byte, at, depth int) (map[string]any, int, *MessageError) {
	object := make(map[string]any)
	o := members{data: data, at: at, depth: depth}
	for o.next() {
		key := string(o.key)
		value, end, err := decodeValue(data, o.at, depth+1)
		if err != nil {
			return nil, end, err.under(memberName(key))
		}
		object[key] = value
		o.at = end
	}
	return object, o.at, o.err
}

func decodeArray(data []byte, at, depth int) ([]any, int, *MessageError) {
	array := []any{}
	a := elements{data: data, at: at, depth: depth}
	for a.next() {
		value, end, err := decodeValue(data, a.at, depth+1)
		if err != nil {
			return nil, end, err.under("[" + strconv.Itoa(len(array)) + "]")
		}
		array = append(array, value)
		a.at = end
	}
	return array, a.at, a.err
}

func decodeValue(data []byte, at, depth int) (any, int, *MessageError) {
	if at < len(data) {
		switch data[at] {
		case '{':
			return pack(decodeObject(data, at, depth))
		case '[':
			return pack(decodeArray(data, at, depth))
		}
	}
	end, err := skipValue(data, at, depth)
	if err != nil {
		return nil, end, err
	}
	switch value := data[at:end]; value[0] {
	case '"':
		return unquote(value), end, nil
	case 't':
		return true, end, nil
	case 'f':
		return false, end, nil
	case 'n':
		return nil, end, nil
	default:
		f, err := number(value)
		return f, end, err
	}
}

// pack makes an any of a T.
func pack[T any](value T, end int, err *MessageError) (any, int, *MessageError) {
	return value, end, err
}

// unquote is what a string that has been checked says.
func unquote(value []byte) string {
	value = value[1 : len(value)-1]
	for _, c := range value {
		if c == '\\' {
			return string(unescape(make([]byte, 0, len(value)), value))
		}
	}
	return string(value)
}

// unescape appends what the inside of a string that has been checked says.
// Half a surrogate pair becomes U+FFFD.
func unescape(dst, inside []byte) []byte {
	for i := 0; i < len(inside); {
		c := inside[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = inside[i+1]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hexRune(inside[i:])
			i += 6
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, hexRune(inside[i:]))
				if r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
		i += 2
	}
	return dst
}

// hexRune is the rune of the \uXXXX that text begins with, or -1.
func hexRune(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range text[2:6] {
		r = r<<4 | hexDigit(c)
	}
	return r
}
