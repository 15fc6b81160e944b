//go:build !butfor_points

package point

import (
	"context"
	"sync"
)

// Enabled says whether points do anything.
const Enabled = false

// A Mutex is a sync.Mutex. With the tag it is one on which a goroutine blocks
// durably in the sense of testing/synctest.
type Mutex = sync.Mutex

// A Name says who comes to a point.
type Name = struct{}

// A Set is the points of one run.
type Set struct{}

// With gives a context that carries a run's points.
func With(ctx context.Context, _ Park) context.Context { return ctx }

// As gives a context that carries a caller's name.
func As(ctx context.Context, _ string) context.Context { return ctx }

// From takes the points from a context; without any, At does nothing.
func From(context.Context) Set { return Set{} }

// Who takes the caller's name from a context.
func Who(context.Context) Name { return Name{} }

// Named is the name of a goroutine that does something for somebody.
func Named(_, _ string) Name { return Name{} }

// At is a scheduling point. Hold no lock here.
func (Set) At(Name, string) {}
