package dspex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// v2 is the second pool: callers go to NimblePool themselves.
type v2 struct {
	*nimble
}

func openV2(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	m := &nimble{node: newNode(ctx, cfg.Name), launcher: l, cfg: cfg, bugs: bugs, talk: (*port).command}
	if !cfg.Lazy {
		m.eager = cfg.Size
	}
	p := v2{m}
	if err := openNimble(ctx, m); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return p, nil
}

func (p v2) Call(ctx context.Context, call subject.Call) (subject.Reply, error) {
	return p.call(ctx, call, limits{p.cfg.CheckoutTimeout, p.cfg.CallTimeout})
}

func (p v2) call(ctx context.Context, call subject.Call, lim limits) (subject.Reply, error) {
	return p.as(ctx, call.Client, func(me *process) (subject.Reply, error) {
		if call.Command == "get_stats" && p.bugs.on(WrongName) {
			// The pool's own figures were asked of the manager, not of the
			// server in front of it.
			me.send(p.self, status{})
		}
		return p.execute(ctx, me, call, lim)
	})
}

// Warm is the pre-warming of the two reports: n pings one after another, from
// one process, each with a patience of two minutes. The first worker answers
// them all (findings: prewarm-warms-one).
func (p v2) Warm(ctx context.Context, n int) error {
	ping := subject.Call{Command: "ping", Client: "pre-warming"}
	for i := range n {
		if _, err := p.call(ctx, ping, limits{2 * time.Minute, 2 * time.Minute}); err != nil {
			return fmt.Errorf("ping %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

func (p v2) Close(ctx context.Context) error { return p.close(ctx, p.self) }
