package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(IgnoresEnd{}, func(*rand.Rand) Fault { return IgnoresEnd{} })
}

// IgnoresEnd has a worker take no notice of the end of its port, nor of SIGTERM: it
// lives on until it is killed.
//
// It fires once the worker has stated that it saw the end of its port and stays: who
// kills it at once never learns of it. It can be used in every world with workers of
// ours.
type IgnoresEnd struct{}

// Name implements Fault.
func (IgnoresEnd) Name() string { return "ignores-end" }

// Check implements Fault.
func (IgnoresEnd) Check() error { return nil }

// Model implements StartFault.
func (IgnoresEnd) Model(p *model.Profile, _ *rand.Rand) { p.Stubborn = model.Forever }

// Real implements StartFault.
func (IgnoresEnd) Real(*rand.Rand) []string { return []string{"--ignore-end"} }

func (IgnoresEnd) states() string { return wire.StatedStay }

// Fired implements StartFault.
func (IgnoresEnd) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (IgnoresEnd) Unrecorded() string {
	return "a worker stayed when its port ended; in a replay it goes"
}
