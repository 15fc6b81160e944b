package pool

import (
	"context"
	"fmt"
	"testing"

	"github.com/butfor/butfor/worker/model"
)

// BenchmarkCheckout is a check-out and a check-in of one of 4 workers, beside
// the least that could do it: a channel.
func BenchmarkCheckout(b *testing.B) {
	ctx := context.Background()
	p, err := New(ctx, &model.Launcher{}, Config{Size: 4})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(ctx)
	if err := p.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	ours := func() {
		l, err := p.Checkout(ctx)
		if err != nil {
			b.Fatal(err)
		}
		l.Checkin()
	}
	tokens := make(chan int, 4)
	for i := range 4 {
		tokens <- i
	}
	channel := func() { tokens <- <-tokens }
	for _, k := range []struct {
		name string
		do   func()
	}{{"ours", ours}, {"channel", channel}} {
		b.Run(k.name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.do()
			}
		})
		for _, n := range []int{64} {
			b.Run(fmt.Sprintf("%s/%d-callers", k.name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(n / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						k.do()
					}
				})
			})
		}
	}
}
