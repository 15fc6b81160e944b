package model_test

import (
	"testing"

	"github.com/butfor/butfor/worker/model"
)

func TestACommandAsksForTheSameWhateverTypeItsNumberHas(t *testing.T) {
	type seconds float32
	for _, arg := range []any{2, 2.0, uint8(2), int64(2), float32(2), seconds(2)} {
		if d := model.Asks("sleep", map[string]any{"s": arg}); d != (model.Demand{Wait: 2e9}) {
			t.Errorf("%T: it asks for %+v", arg, d)
		}
	}
	for _, arg := range []any{nil, "2", true, []int{2}} {
		if n, ok := model.Number(arg); ok {
			t.Errorf("%v (%T) is the number %v", arg, arg, n)
		}
	}
}
