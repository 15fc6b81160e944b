// Package subject has pools under test behind design §3's small interface.
package subject

import (
	"context"
	"errors"
	"time"

	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/worker"
)

// Pool is what the harness asks of a pool under test.
type Pool interface {
	Call(ctx context.Context, call Call) (worker.Reply, error)
	Close(ctx context.Context) error
}

// Subject opens pools. When ctx ends, every goroutine of the pool must end.
type Subject struct {
	Name string
	Open func(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error)
}

// Call is one request.
type Call struct {
	Command string
	Args    map[string]any
}

// Config is the settings every subject understands.
type Config struct {
	Size                                       int
	Lazy                                       bool
	StartTimeout, CheckoutTimeout, CallTimeout time.Duration
}

var (
	errCheckout = errors.New("checkout timeout")
	errClosed   = errors.New("pool is closed")
)
