package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/judge/history"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker/model"
)

const ms = time.Millisecond

// A crowd is callers that take workers out of our pool and give them back. All
// that they do is drawn from a seed.
type crowd struct {
	world *virtual.World
	pool  *pool.Pool

	mu    sync.Mutex
	at    map[string]time.Duration // when somebody last went on from a point
	steps []history.Step
}

// park is a point, and remembers when whoever was there went on: it then does
// what comes after the point in no time.
func (c *crowd) park(who, at string) {
	c.world.Point(who, at)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[who+" at "+at] = c.world.Now()
}

func (c *crowd) since(who, at string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[who+" at "+at]
}

// add writes a step that happened within a span of time.
func (c *crowd) add(from, to time.Duration, s history.Step) {
	s.From, s.To = from, to
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, s)
}

// caller is one caller's life: it takes a worker out, three times.
func (c *crowd) caller(name string, draw *rand.Rand) {
	for i := range 3 {
		who := fmt.Sprintf("%s.%d", name, i+1)
		time.Sleep(time.Duration(draw.IntN(4)) * ms)
		c.world.Point(who, "come")
		patience := time.Duration(1+draw.IntN(8)) * ms
		late := c.world.Now() + patience
		ctx, cancel := context.WithTimeout(point.As(context.Background(), who), patience)
		c.park(who, "checkout") // without the tag the pool has no point there
		lease, err := c.pool.Checkout(ctx)
		asked := c.since(who, "checkout")
		c.add(asked, asked, history.Step{Kind: history.Ask, Who: who})
		if err != nil {
			if c.world.Now() >= late {
				asked = late // it must not have been overtaken before
			}
			c.add(asked, c.world.Now(), history.Step{Kind: history.Quit, Who: who})
			cancel()
			continue
		}
		c.add(asked, c.world.Now(), history.Step{Kind: history.Get, Who: who, Worker: lease.Worker()})
		time.Sleep(time.Duration(draw.IntN(4)) * ms)
		back, kind := lease.Checkin, history.Put
		end := draw.IntN(8)
		switch end {
		case 0:
			back, kind = lease.Discard, history.Drop
		case 1:
			c.kill(lease.Worker())
		}
		c.park(who, "checkin")
		back()
		c.add(c.since(who, "checkin"), c.world.Now(), history.Step{Kind: kind, Who: who, Worker: lease.Worker()})
		lease.Checkin() // a second time: of no effect
		if end == 2 {
			c.kill(lease.Worker()) // idle, or in somebody else's hands
		}
		cancel()
	}
}

// never is long after every run.
const never = time.Hour

// kill ends a worker. When the pool notices is not seen from outside.
func (c *crowd) kill(id string) {
	for _, p := range c.world.Launcher().(*model.Launcher).Ports() {
		if p.ID == id {
			c.add(c.world.Now(), never, history.Step{Kind: history.End, Worker: id})
			_ = p.Kill()
		}
	}
}

// histories plays one crowd and gives what it saw of the pool, and what it was
// promised.
func histories(t *testing.T, seed uint64, order scenario.Order) (history.Promise, []history.Step, error) {
	draw := rand.New(rand.NewPCG(seed, 7))
	size, overflow := 1+draw.IntN(2), draw.IntN(2)
	sc := &scenario.Scenario{Seed: seed, Order: order, Start: scenario.Demand{Wait: time.Duration(draw.IntN(4)) * ms}}
	c := &crowd{at: map[string]time.Duration{}}
	_, err := virtual.Run(t, sc, func(ctx context.Context, w *virtual.World) (err error) {
		defer w.Close()
		c.world = w
		c.pool, err = pool.New(point.With(ctx, c.park), w.Launcher(), pool.Config{
			Size: size, Overflow: overflow, OverflowIdle: 10 * ms, Lazy: draw.IntN(2) == 0, Cores: w.Cores(),
		})
		if err != nil {
			return err
		}
		var callers sync.WaitGroup
		for i := range 2 + draw.IntN(4) {
			lots := rand.New(rand.NewPCG(seed, uint64(i)))
			callers.Go(func() { c.caller(fmt.Sprintf("c%d", i+1), lots) })
		}
		callers.Wait()
		return c.pool.Close(ctx)
	})
	return history.Promise{Most: size + overflow, InOrder: true}, c.steps, err
}

// orders are the ways in which histories are made: all that the schedule knows.
var orders = map[string]scenario.Order{
	"random": {},
	"PCT":    {Strategy: scenario.PCT, Depth: 3, Length: 150},
}

func TestEveryHistoryOfThePoolIsLegal(t *testing.T) {
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			seen := map[history.Kind]int{}
			for seed := range uint64(300) {
				promise, steps, err := histories(t, seed, order)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := history.Check(promise, steps); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				for _, s := range steps {
					seen[s.Kind]++
				}
			}
			t.Logf("%v", seen)
			for kind := history.Ask; kind <= history.End; kind++ {
				if seen[kind] < 100 {
					t.Errorf("only %d steps are like %q", seen[kind], history.Step{Kind: kind})
				}
			}
		})
	}
}
