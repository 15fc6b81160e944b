package point_test

import (
	"context"
	"sync"
	"testing"

	"github.com/butfor/butfor/internal/point"
)

// BenchmarkSection is a short section under a lock with a point before it, as our
// pool has them, beside the same with a plain sync.Mutex and no point: without the
// build tag they take the same time. The loops are of the old kind, of which the
// compiler takes away what comes to nothing.
func BenchmarkSection(b *testing.B) {
	n := 0
	b.Run("point", func(b *testing.B) {
		points, who := point.From(context.Background()), point.Named("start", "w1")
		var mu point.Mutex
		b.ReportAllocs()
		for range b.N {
			points.At(who, "checkout")
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
	b.Run("plain", func(b *testing.B) {
		var mu sync.Mutex
		b.ReportAllocs()
		for range b.N {
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
}

// BenchmarkCall is all that a call of our pool's does with points but locks, beside
// nothing at all.
func BenchmarkCall(b *testing.B) {
	ctx := context.Background()
	b.Run("point", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			named := point.As(ctx, "c1")
			who := point.Who(named)
			point.From(named).At(who, "checkout")
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
		}
	})
}
