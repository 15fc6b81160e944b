package wire

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// appendOther writes a value of any other type, as encoding/json does. Its own
// guard is against cycles alone: what is merely very deep would overflow the
// stack, so it is turned away before.
func appendOther(dst []byte, value any, depth int) ([]byte, *MessageError) {
	if nestsOver(reflect.ValueOf(value), 4*MaxDepth) {
		return dst, tooDeep()
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return dst, &MessageError{ID: -1, Problem: err.Error(), Err: err}
	}
	return appendRaw(dst, encoded, depth)
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// nestsOver says whether encoding/json would follow v further than hops: into
// elements, fields, pointers and interfaces.
func nestsOver(v reflect.Value, hops int) bool {
	if !v.IsValid() || marshalsItself(v) {
		return false
	}
	if hops == 0 {
		return true
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return !v.IsNil() && nestsOver(v.Elem(), hops-1)
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			if nestsOver(each.Value(), hops-1) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if elem := v.Type().Elem().Kind(); elem < reflect.Array || elem == reflect.String {
			return false // however long
		}
		for i := range v.Len() {
			if nestsOver(v.Index(i), hops-1) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			seen := (field.IsExported() || field.Anonymous) && field.Tag.Get("json") != "-"
			if seen && nestsOver(v.Field(i), hops-1) {
				return true
			}
		}
	}
	return false
}

func marshalsItself(v reflect.Value) bool {
	t := v.Type()
	if t.Implements(jsonMarshaler) || t.Implements(textMarshaler) {
		return true
	}
	if !v.CanAddr() {
		return false
	}
	t = reflect.PointerTo(t)
	return t.Implements(jsonMarshaler) || t.Implements(textMarshaler)
}
