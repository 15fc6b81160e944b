//go:build linux

package fidelity

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

const (
	scatteredWorkers = 3
	scatteredCalls   = 11 // of each client; with the starts they make 36 spans
)

var scattering = subject.Config{Size: scatteredWorkers, Lazy: true}

// anything is what its callers ask for.
var anything = map[string]any{"cpu_s": 0.0}

// scattered is a pool whose callers all ask for the same, and get a computation
// of 0.05 to 1 s each, drawn from the seed and the call's id; every fourth gets a
// waiting.
func scattered(seed uint64) subject.Subject {
	return subject.Subject{Name: "scattered", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		p, err := subject.Herd().Open(ctx, l, cfg)
		return scatter{p, seed}, err
	}}
}

type scatter struct {
	subject.Pool
	seed uint64
}

func (p scatter) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if c.Command != "burn" { // a probe is to hold its worker
		return p.Pool.Call(ctx, c)
	}
	id, _ := c.Args["call_id"].(string)
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	draw := rand.New(rand.NewPCG(p.seed, h.Sum64()))
	s := 0.05 * math.Pow(20, draw.Float64()) // as many from 0.05 to 0.2 as from 0.25 to 1
	if draw.IntN(4) == 0 {
		c.Command, c.Args = "sleep", map[string]any{"call_id": id, "s": s}
	} else {
		c.Args = map[string]any{"call_id": id, "cpu_s": s}
	}
	return p.Pool.Call(ctx, c)
}
