// Package subject has what the harness asks of a pool under test, and the
// subjects that butfor brings along: our own pool, a simple ideal one, one that
// begins all starts at once, puddle as a pool of workers, and Snakepit with its
// bugs as options. The historical family is in dspex. What is
// done to a subject, and what is made of it, belongs elsewhere in harness.
package subject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/worker"
)

// A Pool is what the harness asks of a pool under test. Both methods may be
// called concurrently.
//
// Optional, found by assertion: Warmer, ClientWatcher, Lessor, SessionEnder,
// SessionCounter, HealthTeller and Burner.
type Pool interface {
	Call(ctx context.Context, call Call) (Reply, error)
	// Close stops the pool. All goroutines end with it, or at the latest with Open's ctx. It
	// has 5 s, as much as supervisors give; longer, or an error, is a stop that failed.
	Close(ctx context.Context) error
}

// A Subject is a pool under test, as a value.
type Subject struct {
	Name string
	Open func(ctx context.Context, launcher worker.Launcher, cfg Config) (Pool, error)
	Wrap func(worker.Launcher) worker.Launcher // nil: as given; what it changes at the worker's side counts as the subject's code
}

// MarshalText implements encoding.TextMarshaler: of a subject its name can be
// written down.
func (s Subject) MarshalText() ([]byte, error) { return []byte(s.Name), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Whoever reads a name has to find
// the code.
func (s *Subject) UnmarshalText(name []byte) error {
	*s = Subject{Name: string(name)}
	return nil
}

// Call is one request to a pool.
type Call struct {
	Command string
	Args    map[string]any
	Session string // "" = anonymous
	Client  string // who calls; a client that dies has its ctx cancelled with cause ErrClientDied
}

// Reply is a pool's answer.
type Reply struct {
	Result   json.RawMessage
	Worker   string           // id given to Launch
	Evidence *worker.Evidence // nil where the worker states none
}

// Config is the settings of a subject. Size, Overflow and Lazy are every one's; of the
// others each goes by those that it has, and leaves the rest alone.
type Config struct {
	Name             string         `yaml:"name,omitempty"`
	Size             int            `yaml:"size"` // 0 is an error
	Overflow         int            `yaml:"overflow,omitempty"`
	QueueLimit       int            `yaml:"queue_limit,omitempty"`       // 0: no limit; below 0: nobody waits
	StartConcurrency int            `yaml:"start_concurrency,omitempty"` // 0: adapts
	Cores            float64        `yaml:"cores,omitempty"`             // 0: what the process may use; the harness sets the world's
	Lazy             bool           `yaml:"lazy,omitempty"`
	StartTimeout     time.Duration  `yaml:"start_timeout,omitempty"` // timeouts: 0 leaves it to the ctx alone; of ours, a start has a minute
	CheckoutTimeout  time.Duration  `yaml:"checkout_timeout,omitempty"`
	CallTimeout      time.Duration  `yaml:"call_timeout,omitempty"`
	Options          map[string]any `yaml:"options,omitempty"` // a subject's own switches
}

// args are a call's arguments with the session that it belongs to, if any.
func (c *Call) args() map[string]any {
	if c.Session == "" {
		return c.Args
	}
	args := map[string]any{"session_id": c.Session}
	maps.Copy(args, c.Args)
	return args
}

// optionless refuses options on behalf of subjects without switches of their
// own.
func (c *Config) optionless() error {
	if len(c.Options) == 0 {
		return nil
	}
	return fmt.Errorf("this subject has no such options: %q", slices.Sorted(maps.Keys(c.Options)))
}

// ErrClientDied is the cause with which the ctx of a dead client's calls ends.
var ErrClientDied = errors.New("client died")

// A Warmer makes n distinct workers ready, and returns once they are.
type Warmer interface {
	Warm(ctx context.Context, n int) error
}

// A ClientWatcher is told when a client has died, also after its calls have
// ended.
type ClientWatcher interface {
	ClientDied(client string)
}

// A SessionEnder is told that a session is over, and returns once every worker has
// forgotten it.
type SessionEnder interface {
	EndSession(ctx context.Context, id string) error
}

// A SessionCounter says how many calls a session has made; false if it knows of no
// such session.
type SessionCounter interface {
	SessionCalls(id string) (calls int, known bool)
}

// A HealthTeller says how it is: nil is well, and an error what is wrong. It is to
// answer at once, and at the latest when ctx ends.
type HealthTeller interface {
	Health(ctx context.Context) error
}

// A Burner says how much CPU it has had itself so far, apart from its workers, and for
// how long it could run and had to wait for a CPU. In virtual time what it does takes
// none but where it says so: it has it beside the cores that the workers share.
type Burner interface {
	Burnt() (had, waited time.Duration)
}

// A Lessor lets clients take a worker out of the pool, for more than one call.
type Lessor interface {
	// Checkout waits for a worker, until ctx ends at the longest. Client says of
	// ctx who takes it: where that client dies, the worker is not given back.
	Checkout(ctx context.Context) (Lease, error)
}

// A Lease is a worker in a client's hands. It is for one goroutine at a time.
type Lease interface {
	Call(ctx context.Context, call Call) (Reply, error)
	Checkin() // gives the worker back
}

type clientKey struct{}

// For gives a ctx that says on whose behalf it is.
func For(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// Client is on whose behalf a ctx is; "" if it does not say.
func Client(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}
