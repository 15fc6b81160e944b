//go:build linux

package container

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Limits are those that the engine lays on a container. Zero means none.
type Limits struct {
	CPUs   float64       // cores, on average over a period
	Period time.Duration // of that; 0 means 100 ms
	CPUSet string        // the cores that it may use, as "0-2,4"
	Memory int64         // bytes, without swap
	PIDs   int64         // processes and threads: a worker has two
}

// memoryLeast is the least that engines take.
const memoryLeast = 6 << 20

// Check says which limit no engine takes.
func (l Limits) Check() error {
	period := l.period()
	quota := time.Duration(l.CPUs * float64(period))
	switch {
	case l.CPUs < 0 || l.Memory < 0 || l.PIDs < 0:
		return fmt.Errorf("limits: %+v: there is nothing below 0", l)
	case period < time.Millisecond || period > time.Second:
		return fmt.Errorf("limits: a period of %v: it must be from 1ms to 1s", period)
	case l.CPUs > 0 && quota < time.Millisecond:
		return fmt.Errorf("limits: %v cores of %v are %v: a quota must be 1ms at least", l.CPUs, period, quota)
	case l.Memory > 0 && l.Memory < memoryLeast:
		return fmt.Errorf("limits: %d bytes of memory: there must be %d at least", l.Memory, memoryLeast)
	}
	return nil
}

func (l Limits) period() time.Duration {
	if l.Period == 0 {
		return 100 * time.Millisecond
	}
	return l.Period
}

// resources are the limits of a new container.
func (l Limits) resources() container.Resources {
	r := container.Resources{CpusetCpus: l.CPUSet, Memory: l.Memory, MemorySwap: l.Memory}
	if l.CPUs > 0 {
		r.CPUPeriod = l.period().Microseconds()
		r.CPUQuota = int64(l.CPUs*float64(r.CPUPeriod) + 0.5)
	}
	if l.PIDs > 0 {
		r.PidsLimit = &l.PIDs
	}
	return r
}

// instead are those of one that runs, of an engine with so many cores and bytes: zero means
// that nothing changes, so what is lifted is said, and of memory no engine takes that
// there is no limit.
func (l Limits) instead(was Limits, cores int, memory int64) container.Resources {
	r := l.resources()
	if l.CPUs == 0 && was.CPUs > 0 {
		r.CPUQuota = -1
	}
	if l.CPUSet == "" && was.CPUSet != "" {
		r.CpusetCpus = fmt.Sprintf("0-%d", cores-1)
	}
	if l.Memory == 0 && was.Memory > 0 {
		r.Memory, r.MemorySwap = memory, memory
	}
	if none := int64(-1); l.PIDs == 0 && was.PIDs > 0 {
		r.PidsLimit = &none
	}
	return r
}

// SetLimits puts other limits in the place of those that the container has, while it
// runs.
func (v *vessel) SetLimits(ctx context.Context, l Limits) error {
	return v.ChangeLimits(ctx, func(was *Limits) { *was = l })
}

// ChangeLimits changes some of the limits that the container has, while it runs.
func (v *vessel) ChangeLimits(ctx context.Context, change func(*Limits)) (err error) {
	v.limitsMu.Lock()
	defer v.limitsMu.Unlock()
	l := v.limits
	change(&l)
	if l == v.limits {
		return nil
	}
	if err := l.Check(); err != nil {
		return err
	}
	r := l.instead(v.limits, v.engine.info.NCPU, v.engine.info.MemTotal)
	apart(func() {
		_, err = v.engine.client.ContainerUpdate(ctx, v.id, client.ContainerUpdateOptions{Resources: &r})
	})
	if err != nil {
		return fmt.Errorf("limits of container %.12s: %w", v.id, err)
	}
	v.limits = l
	return nil
}

// Limits are those that the container has.
func (v *vessel) Limits() Limits {
	v.limitsMu.Lock()
	defer v.limitsMu.Unlock()
	return v.limits
}

// Pause freezes all that runs in the container.
func (v *vessel) Pause(ctx context.Context) error {
	return frozen(func() (err error) {
		apart(func() { _, err = v.engine.client.ContainerPause(ctx, v.id, client.ContainerPauseOptions{}) })
		return err
	})
}

// frozen tries again where a runtime says that it could not freeze what runs: with cgroup
// v1 that is a matter of chance, and where the CPUs are wanted it fails often. It leaves
// trying again to its caller: https://github.com/opencontainers/runc/pull/4388. Each try
// takes it a third of a second or so.
func frozen(freeze func() error) (err error) {
	for range freezeTries {
		if err = freeze(); err == nil || !strings.Contains(err.Error(), "unable to freeze") {
			return err
		}
	}
	return err
}

const freezeTries = 10

// Unpause thaws it.
func (v *vessel) Unpause(ctx context.Context) (err error) {
	apart(func() { _, err = v.engine.client.ContainerUnpause(ctx, v.id, client.ContainerUnpauseOptions{}) })
	return err
}

// Throttled is in how many periods so far a quota kept the container from running. It
// takes an engine on this machine, whose cgroups can be seen.
func (v *vessel) Throttled() (periods int, err error) {
	if v.group == nil {
		return 0, fmt.Errorf("the cgroup of container %.12s can't be seen here", v.id)
	}
	return v.group.Throttled()
}
