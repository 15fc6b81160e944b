package history_test

import (
	"context"
	"encoding/json"
	"errors"
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

// A door is what a worker is had at: the pool, or a session of it.
type door interface {
	Checkout(ctx context.Context) (pool.Lease, error)
}

// door draws whether a caller comes for a session: its own, one that others use
// too, or none.
func (c *crowd) door(name string, draw *rand.Rand) (door, string) {
	session := []string{"", "", "", name, name, name, "s1", "s2"}[draw.IntN(8)]
	if session == "" {
		return c.pool, ""
	}
	q, err := c.pool.Session(session)
	if err != nil {
		panic(err) // there is no limit, and the pool is not closed before all are through
	}
	return q, session
}

// work is what is done in a session, on a worker in hand.
func (c *crowd) work(who, session string, lease pool.Lease, draw *rand.Rand) {
	for i := range draw.IntN(3) {
		from, s := c.world.Now(), history.Step{Kind: history.Write, Who: who, Session: session, Worker: lease.Worker(), Value: fmt.Sprint(who, "/", i)}
		if draw.IntN(2) == 0 {
			s.Kind = history.Read
		}
		command := map[history.Kind]string{history.Write: "put", history.Read: "get"}[s.Kind]
		r, err := lease.Call(context.Background(), command, map[string]any{"key": "k", "value": s.Value})
		if errors.Is(err, pool.ErrSessionLost) {
			s.Kind = history.Write // whether it came to that, nobody will see
		} else if err != nil {
			return // the worker was dead before
		} else if s.Kind == history.Read {
			var found struct{ Value string }
			if err := json.Unmarshal(r.Result, &found); err != nil {
				panic(err)
			}
			s.Value = found.Value
		}
		c.add(from, c.world.Now(), s)
	}
}

// end ends a session that nobody else uses.
func (c *crowd) end(q *pool.Session, who string) {
	from := c.world.Now()
	if err := q.End(point.As(context.Background(), who)); err != nil {
		panic(err) // its ctx never ends
	}
	c.add(from, c.world.Now(), history.Step{Kind: history.Over, Session: q.ID()})
	c.add(from, c.world.Now(), history.Step{Kind: history.Told, Session: q.ID()})
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
		at, session := c.door(name, draw)
		c.park(who, "checkout") // without the tag the pool has no point there
		lease, err := at.Checkout(ctx)
		asked := c.since(who, "checkout")
		c.add(asked, asked, history.Step{Kind: history.Ask, Who: who, Session: session})
		if err != nil {
			kind := history.Quit
			if errors.Is(err, pool.ErrSessionLost) {
				kind = history.Lost
			} else if c.world.Now() >= late {
				asked = late // it must not have been overtaken before
			}
			c.add(asked, c.world.Now(), history.Step{Kind: kind, Who: who, Session: session})
			if session == name {
				c.end(at.(*pool.Session), who)
			}
			cancel()
			continue
		}
		c.add(asked, c.world.Now(), history.Step{Kind: history.Get, Who: who, Session: session, Worker: lease.Worker()})
		if session != "" {
			c.work(who, session, lease, draw)
		}
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
		if session == name && draw.IntN(2) == 0 {
			c.end(at.(*pool.Session), who)
		}
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
	affinity := pool.Affinity(draw.IntN(3))
	_, err := virtual.Run(t, sc, func(ctx context.Context, w *virtual.World) (err error) {
		defer w.Close()
		c.world = w
		c.pool, err = pool.New(point.With(ctx, c.park), w.Launcher(), pool.Config{
			Size: size, Overflow: overflow, OverflowIdle: 10 * ms, Lazy: draw.IntN(2) == 0, Cores: w.Cores(), Affinity: affinity,
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
	return history.Promise{Most: size + overflow, InOrder: true, Strict: affinity == pool.Strict}, c.steps, err
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
			for kind := history.Ask; kind <= history.Told; kind++ {
				least := 100
				if kind == history.Lost {
					least = 20
				}
				if seen[kind] < least {
					t.Errorf("only %d steps are like %q", seen[kind], history.Step{Kind: kind})
				}
			}
		})
	}
}
