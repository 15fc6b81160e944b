package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(SaysLoading{}, func(*rand.Rand) Fault { return SaysLoading{} })
}

// SaysLoading has a worker answer the hello with {"status": "loading"}, and never
// say that it is ready. Whoever calls it all the same is answered.
//
// It fires when the worker is asked for its hello, and lasts until the worker's
// end. It can be used in every world with workers of ours.
type SaysLoading struct{}

// Name implements Fault.
func (SaysLoading) Name() string { return "says-loading" }

// Check implements Fault.
func (SaysLoading) Check() error { return nil }

// Model implements StartFault.
func (SaysLoading) Model(p *model.Profile, _ *rand.Rand) {
	p.Hello = map[string]string{"status": "loading"}
}

// Real implements StartFault.
func (SaysLoading) Real(*rand.Rand) []string { return []string{"--habit", "loads"} }

// Unrecorded implements Unrecorded.
func (SaysLoading) Unrecorded() string {
	return "a start said that it is loading; in a replay it says that it is ready"
}

// Fired implements StartFault.
func (SaysLoading) Fired(s Sign) bool { return s.Seen == Asked }
