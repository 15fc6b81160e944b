//go:build !butfor_points

package point_test

import (
	"context"
	"sync"
	"testing"
	"unsafe"

	"github.com/butfor/butfor/internal/point"
)

var _ *sync.Mutex = new(point.Mutex) // the very same

func TestWithoutTheTagThereIsNothing(t *testing.T) {
	if size := unsafe.Sizeof(point.Set{}) + unsafe.Sizeof(point.Name{}); size != 0 {
		t.Errorf("points and names take %d bytes", size)
	}
	ctx := context.Background()
	park := func(who, at string) { t.Errorf("%s came to %s", who, at) }
	if point.With(ctx, park) != ctx || point.As(ctx, "c1") != ctx {
		t.Error("a ctx carries something")
	}
	point.From(point.With(ctx, park)).At(point.Named("start", "w1"), "launched")
}
