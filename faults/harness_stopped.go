package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

func init() {
	Register(HarnessStopped{}, func(lots *rand.Rand) Fault { return HarnessStopped{For: tens(lots, 10, 500)} })
}

// HarnessStopped keeps the harness itself from running for some time, and with it the
// pool and the clients, which are of the same program: workers and time go on. Whatever
// comes out then says nothing of the pool, and the verdict must be that it is
// inconclusive, where the deadline was kept or missed by not much more.
//
// It fires when a timer of the program was seen to be late by at least half of that. It
// can be used in every world: in real time a process beside the program sends it SIGSTOP
// and SIGCONT. A shell with job control may take it for suspended meanwhile.
type HarnessStopped struct {
	For time.Duration `yaml:"for"` // from 10ms to 1m
}

// Name implements Fault.
func (HarnessStopped) Name() string { return "harness-stopped" }

// Check implements Fault.
func (f HarnessStopped) Check() error {
	return between("for", f.For, 10*time.Millisecond, time.Minute)
}

// Model implements MachineFault.
func (f HarnessStopped) Model(m Model) (end func() int) {
	begin := m.Now()
	m.Stall(f.For)
	m.Point("harness", "goes on")
	return f.late(m.Now() - begin)
}

// Real implements MachineFault.
func (f HarnessStopped) Real(r Real) (end func() int, err error) {
	// It has to look from before Python is begun: on a busy machine that is through
	// before whoever has begun it goes on.
	over, found, begin := make(chan struct{}), make(chan time.Duration), time.Now()
	go func() { found <- f.latest(begin, over) }()
	stop, err := r.Beside(fmt.Sprintf("import os, signal, time\nos.kill(%d, signal.SIGSTOP)\ntime.sleep(%v)\nos.kill(%[1]d, signal.SIGCONT)\ntime.sleep(1e6)", os.Getpid(), f.For.Seconds()))
	if err != nil {
		close(over)
		<-found
		return nil, err
	}
	most := <-found
	stop()
	return f.late(most), nil
}

// latest is how late a timer was at most since it began, until that is proof enough or
// nobody can be expected to stop it any more.
func (f HarnessStopped) latest(begin time.Time, over <-chan struct{}) (most time.Duration) {
	for last := begin; most < f.For/2 && time.Since(begin) < f.For+pythonPatience; {
		select {
		case <-over:
			return most
		case <-time.After(time.Millisecond):
		}
		now := time.Now()
		most, last = max(most, now.Sub(last)), now
	}
	return most
}

// pythonPatience is how long Python may take to start.
const pythonPatience = 10 * time.Second

// late proves it by how late a timer was at most.
func (f HarnessStopped) late(most time.Duration) (end func() int) {
	return func() int {
		if most >= f.For/2 {
			return 1
		}
		return 0
	}
}

// Unrecorded implements Unrecorded.
func (HarnessStopped) Unrecorded() string { return "the harness was stopped; in a replay it runs" }
