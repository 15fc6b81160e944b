//go:build butfor_points

package pool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker/model"
)

// Else its caller might end the session, or another call in it, before the pool had lost
// it: what they are told were a matter of who comes first.
func TestACallThatItsWorkersDeathEndedIsBackOnceThePoolKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		died, known := make(chan struct{}), make(chan struct{})
		held := point.With(t.Context(), func(who, at string) {
			if who == "watch w1" && at == "ended" {
				close(died)
				<-known
			}
		})
		l := &model.Launcher{Profile: func(int) model.Profile { return model.Profile{DieAtCall: 1} }}
		p, err := pool.New(held, l, pool.Config{Size: 1, Affinity: pool.Strict})
		if err != nil {
			t.Fatal(err)
		}
		q, err := p.Session("s1")
		if err != nil {
			t.Fatal(err)
		}
		var call sync.WaitGroup
		back := false
		call.Go(func() {
			_, err = q.Call(context.Background(), "echo", nil)
			back = true
		})
		<-died
		synctest.Wait()
		if back {
			t.Errorf("it is back before the pool knows, with %v", err)
		}
		close(known)
		call.Wait()
		if n := p.Stat().Deaths; n != 1 || !errors.Is(err, pool.ErrSessionLost) {
			t.Errorf("it is back with %v, and the pool knows of %d deaths", err, n)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
