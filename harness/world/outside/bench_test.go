//go:build linux

package outside

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// BenchmarkLook is a look at this machine as it is, in CPU of the thread that
// looks; at a look every 200 ms, so many percent of a core. Its results hang on
// who else is busy: each process that ran costs more than ten that did not, and
// caches are cold after 200 ms beside others. So it looks every 200 ms.
func BenchmarkLook(b *testing.B) {
	r, err := Start("of no process")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		time.Sleep(Period)
	}
	e := r.Stop()
	threads := 0
	for _, p := range r.book.procs {
		threads += max(1, len(p.threads))
	}
	b.ReportMetric(100*e.Share, "%core")
	b.ReportMetric(float64(e.Cost.Microseconds())/float64(len(e.Load)), "µs-cpu/look")
	b.ReportMetric(float64(r.watch.first.Microseconds()), "µs-cpu/first")
	b.ReportMetric(float64(e.Late.Microseconds())/1000, "ms-late")
	b.ReportMetric(float64(threads), "threads")
	b.ReportMetric(float64(len(r.book.procs)), "processes")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkHogs says how far what hogs are seen to want is off: by the hog over
// the whole time, and by the bucket.
func BenchmarkHogs(b *testing.B) {
	for _, n := range []int{1, 2, 4, 6} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var pids []int
			for range n {
				pids = append(pids, hog(b, "hogs"))
			}
			r, err := Start("of no process")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				time.Sleep(Period)
			}
			e := r.Stop()
			var each, whole []float64
			had := 0.
			for _, pid := range pids {
				p := r.book.procs[pid]
				if p == nil || len(p.threads) != 1 {
					b.Fatalf("hog %d was not seen", pid)
				}
				sum := 0.
				for _, bucket := range e.Load[:len(e.Load)-1] { // what it waits at the end is not booked yet
					for _, l := range bucket.Load {
						if l.Rival == p.threads[pid].rival {
							each = append(each, l.Runnable)
							sum += l.Runnable
							had += l.CPU
						}
					}
				}
				whole = append(whole, sum/float64(len(e.Load)-1))
			}
			slices.Sort(each)
			at := func(q float64) float64 { return each[int(math.Round(q*float64(len(each)-1)))] }
			b.ReportMetric(slices.Min(whole), "least")
			b.ReportMetric(slices.Max(whole), "most")
			b.ReportMetric(at(0.05), "p5-bucket")
			b.ReportMetric(at(0.95), "p95-bucket")
			b.ReportMetric(had/float64(len(e.Load)-1), "cores-had")
			b.ReportMetric(100*e.Share, "%core")
			b.ReportMetric(float64(e.Late.Microseconds())/1000, "ms-late")
			b.ReportMetric(0, "ns/op")
		})
	}
}
