package dspex

import (
	"context"
	"fmt"
	"sync"
)

// names are those that the actors of one Erlang node have taken.
type names struct {
	mu    sync.Mutex
	taken map[string]bool
}

type namesKey struct{}

// OnNode gives a ctx to open pools with that are to live on one Erlang node, where
// no two of them can have one name. Without it each has a node of its own.
func OnNode(ctx context.Context) context.Context {
	return context.WithValue(ctx, namesKey{}, &names{taken: map[string]bool{}})
}

// register takes a name on the node that ctx says, until the process ends.
func register(ctx context.Context, name string, until *process) error {
	n, ok := ctx.Value(namesKey{}).(*names)
	if !ok {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.taken[name] {
		return fmt.Errorf("%s: already started: its name is taken", name)
	}
	n.taken[name] = true
	until.atExit = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.taken, name)
	}
	return nil
}
