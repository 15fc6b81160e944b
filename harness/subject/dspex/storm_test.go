package dspex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// storm makes calls of all kinds, some of whose clients give up or die, and
// says what came of them.
func storm(ctx context.Context, pool subject.Pool, seed uint64, unit time.Duration) string {
	const calls = 40
	said := make([]string, calls)
	var wg sync.WaitGroup
	for i := range said {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			time.Sleep(time.Duration(r.IntN(3000))*unit + time.Duration(i)*unit/100)
			patience := time.Duration(100+r.IntN(3000))*unit + time.Duration(i)*unit/100
			ctx, die := context.WithCancelCause(ctx)
			defer die(nil)
			cause := []error{subject.ErrClientDied, context.DeadlineExceeded}[r.IntN(2)]
			timer := time.AfterFunc(patience, func() { die(cause) })
			defer timer.Stop()
			call := []subject.Call{echo(), sleep(float64(r.IntN(2000)) * unit.Seconds()), {Command: "fail"}, {Command: "hang"}}[min(r.IntN(24), 3)]
			call.Client = fmt.Sprint("c", r.IntN(calls))
			reply, err := pool.Call(ctx, call)
			said[i] = fmt.Sprint(reply.Worker, err)
			time.Sleep(time.Duration(i+1) * unit / 100) // a crash wakes many at once
			if r.IntN(2) == 0 {
				pool.(subject.ClientWatcher).ClientDied(call.Client)
			}
		})
	}
	wg.Wait()
	return fmt.Sprint(said)
}

func TestTheSameStoryComesOutTheSame(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), New("hearing", Seed, Without(DeafStart), Without(IllegalReturn)), V2P3(), V2Last(), V3(), mendedV3()} {
		for seed := range uint64(20) {
			var said [2]string
			for k := range said {
				try(t, s, lazily(4), &models{boot: second / 2, hello: second / 10}, func(b *bed) {
					said[k] = storm(b.Context(), b.pool, seed, time.Millisecond) + fmt.Sprint(b.launches())
				})
			}
			if said[0] != said[1] {
				t.Errorf("%s, seed %d:\n%s\n%s", s.Name, seed, said[0], said[1])
			}
		}
	}
}

// TestRealTime is for the race detector: the same storm on the real clock.
func TestRealTime(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), New("mended", Seed, Without(DeafStart), Without(IllegalReturn), Without(LongLivedWorkers), Without(StartThenKill), Without(GiveUpCrashesPool)), V2P3(), V2Last(), V3(), mendedV3()} {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			l := &models{boot: time.Millisecond}
			cfg := lazily(4)
			cfg.StartTimeout, cfg.CheckoutTimeout, cfg.CallTimeout = 50*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond
			for seed := range uint64(3) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				p, err := s.Open(ctx, l, cfg)
				if err != nil {
					t.Fatal(err)
				}
				storm(ctx, p, seed, 20*time.Microsecond)
				soon, done := context.WithTimeout(ctx, 200*time.Millisecond)
				_ = p.Close(soon)
				done()
				cancel()
				if n := l.alive(); n != 0 {
					t.Errorf("seed %d: %d workers left", seed, n)
				}
			}
		})
	}
}
