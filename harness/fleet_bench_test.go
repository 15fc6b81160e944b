//go:build linux

package harness

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// BenchmarkFleet has a fleet of one child and a fleet of two play the same runs,
// turn and turn about, with twice as many runs under way as there are children, as
// in a search over seeds. x-one is how much sooner two are through. It takes two
// processors.
func BenchmarkFleet(b *testing.B) {
	const turn = 1000 // runs, so that the last one hardly counts: some are judged for hundreds of times as long as most, and then the other child has nothing to do
	var took [3]time.Duration
	var fleets [3]*flotilla
	for n := 1; n <= 2; n++ {
		fleets[n] = sail(b)
		fleets[n].Size = n
		fleets[n].search(b, 0, 2*n) // until all have begun
	}
	b.ResetTimer()
	for i := range b.N {
		for n := 1; n <= 2; n++ {
			begin := time.Now()
			fleets[n].search(b, uint64(i*turn), turn)
			took[n] += time.Since(begin)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*turn)/took[1].Seconds(), "one-runs/s")
	b.ReportMetric(float64(b.N*turn)/took[2].Seconds(), "two-runs/s")
	b.ReportMetric(took[1].Seconds()/took[2].Seconds(), "x-one")
}

// search plays a scenario of each of n seeds.
func (f *flotilla) search(b *testing.B, from uint64, n int) {
	var wg sync.WaitGroup
	under := make(chan struct{}, 2*f.Size)
	for seed := from; seed < from+uint64(n); seed++ {
		under <- struct{}{}
		wg.Go(func() {
			defer func() { <-under }()
			sc := mixed(seed)
			sc.Subject = subject.Ours()
			if _, err := f.Run(context.Background(), sc); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
