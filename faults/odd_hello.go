package faults

import (
	"errors"
	"math/rand/v2"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(OddHello{}, func(lots *rand.Rand) Fault {
		return []OddHello{{Bytes: 1 + lots.IntN(40)}, {ID: 1 + lots.Int64N(1000)}, {Status: "starting"}, {Noise: 1 + lots.IntN(100)}}[lots.IntN(4)]
	})
}

// OddHello has a worker answer the hello with what is none: half of one and no more, a
// reply to another id, another status than ok, or one behind what it has printed. A
// worker with another status, such as loading, never says that it is ready, but answers
// whoever calls it all the same.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type OddHello struct { // one of them
	Bytes  int    `yaml:"bytes,omitempty"`  // so many of the frame and no more, from 1 to 40
	ID     int64  `yaml:"id,omitempty"`     // the reply's in place of 0, from 1
	Status string `yaml:"status,omitempty"` // in place of ok
	Noise  int    `yaml:"noise,omitempty"`  // bytes that it prints first where its frames go, from 1 to 1048576
}

// Name implements Fault.
func (OddHello) Name() string { return "odd-hello" }

// Check implements Fault.
func (f OddHello) Check() error {
	said := 0
	for _, is := range []bool{f.Bytes != 0, f.ID != 0, f.Status != "", f.Noise != 0} {
		if is {
			said++
		}
	}
	if said != 1 || f.Status == "ok" {
		return errors.New("it must have one of bytes, id, status other than ok, and noise")
	}
	return errors.Join(between("bytes", f.Bytes, 0, 40), between("id", f.ID, 0, 1<<60), between("noise", f.Noise, 0, 1<<20))
}

func (f OddHello) order() wire.Order {
	return wire.Order{Say: wire.Say{Cut: f.Bytes, ID: f.ID, Status: f.Status, Noise: f.Noise}}
}

// Model implements StartFault.
func (f OddHello) Model(p *model.Profile, _ *rand.Rand) {
	order := f.order()
	p.AtHello = &order
}

// Real implements StartFault.
func (f OddHello) Real(*rand.Rand) []string {
	return []string{"--at-hello", string(f.order().JSON())}
}

// Fired implements StartFault.
func (OddHello) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (OddHello) Unrecorded() string {
	return "a start said what is no hello; in a replay it says one"
}
