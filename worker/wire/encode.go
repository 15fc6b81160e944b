package wire

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The append functions write behind dst the JSON that encoding/json would, up to
// its spelling. Where they fail, what they return of it is half a text.

type member struct {
	key   string
	value any
}

// appendObject writes the members sorted by key, so that the same object is
// always the same bytes.
func appendObject(dst []byte, object map[string]any, depth int) ([]byte, *MessageError) {
	if depth > MaxDepth {
		return dst, tooDeep()
	}
	var few [8]member // on the stack
	sorted := few[:0]
	for key, value := range object {
		sorted = append(sorted, member{key, value})
	}
	slices.SortFunc(sorted, func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for i, m := range sorted {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, m.key), ':')
		var err *MessageError
		if dst, err = appendValue(dst, m.value, depth+1); err != nil {
			return dst, err.under(memberName(m.key))
		}
	}
	return append(dst, '}'), nil
}

func appendArray(dst []byte, array []any, depth int) ([]byte, *MessageError) {
	if depth > MaxDepth {
		return dst, tooDeep()
	}
	dst = append(dst, '[')
	for i, value := range array {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err *MessageError
		if dst, err = appendValue(dst, value, depth+1); err != nil {
			return dst, err.under("[" + strconv.Itoa(i) + "]")
		}
	}
	return append(dst, ']'), nil
}

func appendStrings(dst []byte, array []string, depth int) ([]byte, *MessageError) {
	if depth > MaxDepth {
		return dst, tooDeep()
	}
	dst = append(dst, '[')
	for i, s := range array {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']'), nil
}

// appendValue writes the types that calls are made of; other types go to
// encoding/json.
func appendValue(dst []byte, value any, depth int) ([]byte, *MessageError) {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendString(dst, v), nil
	case float64:
		return appendFloat(dst, v, 64)
	case float32:
		return appendFloat(dst, float64(v), 32)
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int8:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int16:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint16:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case json.RawMessage:
		return appendRaw(dst, v, depth)
	case map[string]any:
		if v == nil {
			return append(dst, "null"...), nil
		}
		return appendObject(dst, v, depth)
	case []any:
		if v == nil {
			return append(dst, "null"...), nil
		}
		return appendArray(dst, v, depth)
	case []string:
		if v == nil {
			return append(dst, "null"...), nil
		}
		return appendStrings(dst, v, depth)
	default:
		return appendOther(dst, v, depth)
	}
}

// appendRaw writes a raw value as it is, once it has been checked; null for nil.
func appendRaw(dst []byte, raw json.RawMessage, depth int) ([]byte, *MessageError) {
	if raw == nil {
		return append(dst, "null"...), nil
	}
	if err := checkRaw(raw, depth); err != nil {
		return dst, err
	}
	return append(dst, raw...), nil
}

func appendFloat(dst []byte, f float64, bits int) ([]byte, *MessageError) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, faulty(ErrBadValue, "%v is no JSON number", f)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 {
		if bits == 64 && (abs < 1e-6 || abs >= 1e21) ||
			bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) {
			format = 'e'
		}
	}
	return strconv.AppendFloat(dst, f, format, -1, bits), nil
}

const hexDigits = "0123456789abcdef"

// appendString writes s with U+FFFD for each byte that is not UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0 // s[from:i] is still to be written, as it is
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
