package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(NeverSaysHello{}, func(*rand.Rand) Fault { return NeverSaysHello{} })
}

// NeverSaysHello has a worker read what it is sent and answer nothing, the hello
// neither, until its port ends. What it costs is the pool's patience with a
// start.
//
// It fires when the worker is asked for its hello, and lasts until the worker's
// end. It can be used in every world with workers of ours.
type NeverSaysHello struct{}

// Name implements Fault.
func (NeverSaysHello) Name() string { return "never-says-hello" }

// Check implements Fault.
func (NeverSaysHello) Check() error { return nil }

// Model implements StartFault.
func (NeverSaysHello) Model(p *model.Profile, _ *rand.Rand) { p.Mute = true }

// Real implements StartFault.
func (NeverSaysHello) Real(*rand.Rand) []string { return []string{"--mute"} }

// Fired implements StartFault.
func (NeverSaysHello) Fired(s Sign) bool { return s.Seen == Asked }
