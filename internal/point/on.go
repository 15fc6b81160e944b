//go:build butfor_points

package point

import (
	"context"
	"sync/atomic"
)

// Enabled says whether points do anything.
const Enabled = true

// A Mutex is a lock on which a goroutine blocks durably in the sense of
// testing/synctest: a bubble whose lock is held across a wait goes on, slowly,
// as it would in the world. Its zero value is unlocked.
type Mutex struct {
	held atomic.Pointer[chan struct{}] // of one; made by the first who needs it, in the bubble
}

func (m *Mutex) token() chan struct{} {
	if c := m.held.Load(); c != nil {
		return *c
	}
	c := make(chan struct{}, 1)
	m.held.CompareAndSwap(nil, &c)
	return *m.held.Load()
}

// Lock takes the lock, waiting in line for it.
func (m *Mutex) Lock() { m.token() <- struct{}{} }

// TryLock takes the lock if it is free.
func (m *Mutex) TryLock() bool {
	select {
	case m.token() <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock gives the lock back.
func (m *Mutex) Unlock() {
	select {
	case <-m.token():
	default:
		panic("point: unlock of a Mutex that is not locked")
	}
}

// A Name says who comes to a point.
type Name = string

// A Set is the points of one run.
type Set struct{ park Park }

type key int

const (
	parkKey key = iota
	nameKey
)

// With gives a context that carries a run's points.
func With(ctx context.Context, park Park) context.Context {
	return context.WithValue(ctx, parkKey, park)
}

// As gives a context that carries a caller's name.
func As(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, nameKey, name)
}

// From takes the points from a context; without any, At does nothing.
func From(ctx context.Context) Set {
	park, _ := ctx.Value(parkKey).(Park)
	return Set{park}
}

// Who takes the caller's name from a context.
func Who(ctx context.Context) Name {
	name, _ := ctx.Value(nameKey).(string)
	return name
}

// Named is the name of a goroutine that does something for somebody.
func Named(does, whom string) Name { return does + " " + whom }

// At is a scheduling point. Hold no lock here.
func (s Set) At(who Name, at string) {
	if s.park != nil {
		s.park(who, at)
	}
}
