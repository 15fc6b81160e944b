package faults

import (
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SlowHello{}, func(lots *rand.Rand) Fault { return SlowHello{After: tens(lots, 1, 500)} })
}

// SlowHello has a worker that is ready keep its hello back for some time: it reads the
// request for it, and answers late. SlowStart is slow before.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type SlowHello struct {
	After time.Duration `yaml:"after"` // since it was asked, above 0 and up to 24h
}

// Name implements Fault.
func (SlowHello) Name() string { return "slow-hello" }

// Check implements Fault.
func (f SlowHello) Check() error { return between("after", f.After, 1, mostDemand) }

func (f SlowHello) order() wire.Order { return wire.Order{Say: wire.Say{Late: f.After}} }

// Model implements StartFault.
func (f SlowHello) Model(p *model.Profile, _ *rand.Rand) {
	order := f.order()
	p.AtHello = &order
}

// Real implements StartFault.
func (f SlowHello) Real(*rand.Rand) []string {
	return []string{"--at-hello", string(f.order().JSON())}
}

// Fired implements StartFault.
func (SlowHello) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (SlowHello) Unrecorded() string {
	return "a worker that was ready kept its hello back; in a replay it says it"
}
