package pool

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"
)

// Config is a pool's settings. Timeouts of 0 leave it to the caller's ctx
// alone, where there is a caller.
type Config struct {
	// Name goes before the ids of the workers and into errors and logs, so
	// that two pools can be told apart.
	Name string
	// Size is how many workers the pool has for good. At least 1.
	Size int
	// Overflow is how many more it may have while callers wait.
	Overflow int
	// OverflowIdle is how long a worker above Size may be idle before it is
	// ended. 0 means 10 s.
	OverflowIdle time.Duration
	// QueueLimit bounds how many callers may wait. 0 means no limit; below 0
	// nobody waits: Checkout gives an idle worker or ErrQueueFull.
	QueueLimit int
	// StartConcurrency bounds how many workers start at once. 0 adapts: it
	// begins with Cores, and doubles every 50 ms while the starts under way
	// ask for less CPU than three quarters of that: had it and waited for it
	// together. Where they wait for nearly all of it, it doubles every 250 ms,
	// as long as that gets them more.
	StartConcurrency int
	// Cores is how many the starts may count on. 0 means what the process may
	// use (GOMAXPROCS, which knows affinity and cgroup quota).
	Cores float64
	// Lazy starts workers as callers ask for them. Otherwise Size of them are
	// started at once and kept.
	Lazy bool
	// StartTimeout bounds a start from launch to hello. 0 means 1 minute: a
	// start has no caller whose ctx could end it.
	StartTimeout time.Duration
	// CheckoutTimeout bounds how long a caller waits for a worker.
	CheckoutTimeout time.Duration
	// CallTimeout bounds a call once a worker has it.
	CallTimeout time.Duration
	// Affinity says which workers the calls of a session go to.
	Affinity Affinity
	// SessionTTL is how long a session may go unused before it is ended. 0 means
	// for ever.
	SessionTTL time.Duration
	// SessionLimit bounds how many sessions there may be. 0 means no limit.
	SessionLimit int
	// PingEvery is how long nobody may have heard of an idle worker before it is
	// asked whether it is well; one that is not is replaced. One is asked at a
	// time. 0 means never: it is noticed all the same when a worker ends.
	PingEvery time.Duration
	// TendTimeout bounds how long a worker may take for what the pool itself asks
	// of it: to answer a ping, or to forget a session. It is then replaced. 0
	// means 5 s.
	TendTimeout time.Duration
	// MaxCalls and MaxAge are how many calls a worker may serve, and how long, from
	// its hello, before another takes its place. Where Size+Overflow has room the
	// other is ready first; else they go one at a time. One with which a Strict
	// session would be lost stays until that has ended. 0 means no limit.
	MaxCalls int
	MaxAge   time.Duration
	// MaxMemory is how many bytes of memory a worker may hold after a call before
	// another takes its place, as with MaxCalls: what is resident, without its
	// children (worker.Memory). A worker whose port can't say stays. It costs some
	// 10 µs a call. 0 means no limit.
	MaxMemory int64
	// Seed, if it is not 0, draws by how much each rest after a start that failed
	// is longer, up to half: so that pools which fail together do not come back
	// together. The same seed draws the same.
	Seed uint64
	// Evidence asks workers that offer it to state with each reply what CPU
	// they had. It costs them some 50 µs a call.
	Evidence bool
	// Logger is told of starts, deaths and exhaustion. nil means nobody is.
	Logger *slog.Logger
}

// sizeMost is far above what a machine can hold, and far below an overflow.
const sizeMost = 1 << 20

func (c *Config) check() error {
	var errs []error
	bad := func(setting string, value any, want string) {
		errs = append(errs, fmt.Errorf("pool: %s is %v: %s", setting, value, want))
	}
	if c.Size < 1 {
		bad("Size", c.Size, "a pool has at least one worker")
	}
	if c.Size > sizeMost {
		bad("Size", c.Size, fmt.Sprintf("it can't be more than %d", sizeMost))
	}
	if c.Overflow < 0 || c.Overflow > sizeMost {
		bad("Overflow", c.Overflow, fmt.Sprintf("it must be from 0 to %d", sizeMost))
	}
	if c.StartConcurrency < 0 {
		bad("StartConcurrency", c.StartConcurrency, "it can't be negative; 0 adapts")
	}
	if c.Affinity < Strict || c.Affinity > None {
		bad("Affinity", int(c.Affinity), "it must be Strict, Preferred or None")
	}
	if c.MaxCalls < 0 {
		bad("MaxCalls", c.MaxCalls, "it can't be negative; 0 means no limit")
	}
	if c.MaxMemory < 0 {
		bad("MaxMemory", c.MaxMemory, "it can't be negative; 0 means no limit")
	}
	if c.SessionLimit < 0 {
		bad("SessionLimit", c.SessionLimit, "it can't be negative; 0 means no limit")
	}
	if !(c.Cores >= 0 && c.Cores <= sizeMost) { // NaN too
		bad("Cores", c.Cores, fmt.Sprintf("it must be from 0, which means what the process may use, to %d", sizeMost))
	}
	for _, t := range []struct {
		name string
		d    time.Duration
		zero string // what it means
	}{
		{"OverflowIdle", c.OverflowIdle, "10 s"}, {"StartTimeout", c.StartTimeout, "a minute"}, {"CheckoutTimeout", c.CheckoutTimeout, "none"}, {"CallTimeout", c.CallTimeout, "none"},
		{"SessionTTL", c.SessionTTL, "none"}, {"TendTimeout", c.TendTimeout, "5 s"}, {"PingEvery", c.PingEvery, "never"}, {"MaxAge", c.MaxAge, "no limit"},
	} {
		if t.d < 0 {
			bad(t.name, t.d, "it can't be negative; 0 means "+t.zero)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) fill() {
	if c.StartTimeout == 0 {
		c.StartTimeout = time.Minute
	}
	if c.OverflowIdle == 0 {
		c.OverflowIdle = 10 * time.Second
	}
	if c.TendTimeout == 0 {
		c.TendTimeout = 5 * time.Second
	}
	if c.Cores == 0 {
		c.Cores = float64(runtime.GOMAXPROCS(0))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Name != "" {
		c.Logger = c.Logger.With("pool", c.Name)
	}
}

// renews says whether workers may become old, and tends whether idle ones are to be
// looked after.
func (c *Config) renews() bool { return c.MaxCalls > 0 || c.MaxAge > 0 || c.MaxMemory > 0 }
func (c *Config) tends() bool  { return c.PingEvery > 0 || c.MaxAge > 0 }

// lot is the nth that the seed draws, from 0 to 1; 0 without one.
func (c *Config) lot(n int) float64 {
	if c.Seed == 0 {
		return 0
	}
	return rand.New(rand.NewPCG(c.Seed, uint64(n))).Float64()
}
