package virtual

import (
	"context"
	"fmt"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

var _ faults.Model = (*World)(nil)

// LaunchWith implements faults.Model.
func (w *World) LaunchWith(ctx context.Context, id string, alter func(*model.Profile)) (worker.Port, error) {
	return w.launcher.LaunchWith(ctx, id, alter)
}

// Stall implements faults.Model.
func (w *World) Stall(d time.Duration) { w.schedule.stall(d) }

// Starve implements faults.Model.
func (w *World) Starve(d time.Duration) (stop func() bool) {
	who := fmt.Sprintf("starved %d", w.starved.Add(1))
	over, ended, did := make(chan struct{}), make(chan struct{}), false
	go func() {
		defer close(ended)
		for !isClosed(over) {
			w.schedule.stall(d)
			w.schedule.point(who, "goes on")
			did = true
			rest := time.NewTimer(d)
			select {
			case <-rest.C:
			case <-over:
				rest.Stop()
			}
		}
	}()
	return func() bool {
		close(over)
		<-ended
		return did
	}
}

// Burn implements faults.Model.
func (w *World) Burn(own bool) (stop func() time.Duration) { return w.machine.hog(own) }

// Limit implements faults.Model.
func (w *World) Limit(p *model.Port, cores float64, period time.Duration) {
	p.CPU().(*session).limit(cores, period)
}

// Throttled implements faults.Model.
func (w *World) Throttled(p *model.Port) int { return p.CPU().(*session).throttled() }

// Burden implements faults.Model.
func (w *World) Burden(p *model.Port, more model.Demand) { p.Burden(more) }

// Burdened implements faults.Model.
func (w *World) Burdened(p *model.Port) int { return p.Burdened() }
