package faults

import (
	"math/rand/v2"
	"strconv"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(DiesBeforeHello{}, func(lots *rand.Rand) Fault { return DiesBeforeHello{Status: lots.IntN(3)} })
}

// DiesBeforeHello has a worker exit when it is asked for its hello, in place of
// it. With SlowStart on the same start it dies after that.
//
// It fires when the worker has ended with that status and without a hello. It can
// be used in every world with workers of ours.
type DiesBeforeHello struct {
	Status int `yaml:"status,omitempty"` // exit status, from 1 to 255; 0: 70
}

// Name implements Fault.
func (DiesBeforeHello) Name() string { return "dies-before-hello" }

// Check implements Fault.
func (f DiesBeforeHello) Check() error { return checkStatus(f.Status) }

// Model implements StartFault.
func (f DiesBeforeHello) Model(p *model.Profile, _ *rand.Rand) {
	p.DieAtHello = &worker.Exit{Code: or(f.Status, exitStatus)}
}

// Real implements StartFault.
func (f DiesBeforeHello) Real(*rand.Rand) []string {
	return []string{"--exit-at-hello", strconv.Itoa(or(f.Status, exitStatus))}
}

// Fired implements StartFault.
func (f DiesBeforeHello) Fired(s Sign) bool {
	return s.Seen == Gone && !s.Ready && s.Exit.Code == or(f.Status, exitStatus)
}
