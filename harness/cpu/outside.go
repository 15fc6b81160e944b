package cpu

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// A Bucket is what others want of the machine from At on.
type Bucket struct {
	At     time.Duration
	Stolen float64 // cores that the machine doesn't have, while its host runs others
	Loads  []Load
}

// A Load is what the outside threads of one group, nice and affinity want and,
// in the recording, got.
type Load struct {
	Path     string    // of its group: "" for the root, else names from there down, by slashes
	Weights  []float64 // of the groups on the path, each against its siblings; none: as they are
	Nice     int       // of the threads; it counts inside their group alone
	Cores    float64   // that they may use together, by their affinity; 0: all
	Runnable float64   // threads that ran or wanted to, on average
	Threads  float64   // all of them, asleep too; at most Runnable: none slept
	OnCPU    float64   // cores that they got
}

// awake is the part of a load's threads that may sleep without its being taken
// for a load that sleeps: so much the recording is off.
const awake = 0.03

// leaf is the load as a competitor. If its threads slept, what they had of CPU
// while one of them was asleep says how they will behave if given more or less.
func (l *Load) leaf(frozen bool) leaf {
	f := leaf{n: l.Runnable, weight: NiceWeight(l.Nice), cores: l.Cores}
	if f.cores == 0 {
		f.cores = math.Inf(1)
	}
	if !frozen && l.Sleeps() {
		f.n, f.sleep = l.Threads, (l.Threads-l.Runnable)/l.OnCPU
	}
	return f
}

// Sleeps says whether the load's threads work and sleep in turns, so that they are
// runnable for longer the less they get.
func (l *Load) Sleeps() bool { return l.OnCPU > 0 && l.Threads-l.Runnable > awake*l.Threads }

// Check says what can't be shared out.
func (b Bucket) Check() error {
	if b.At < 0 || bad(b.Stolen) {
		return fmt.Errorf("cpu: load at %v with %v cores stolen", b.At, b.Stolen)
	}
	for _, l := range b.Loads {
		if err := l.check(); err != nil {
			return fmt.Errorf("cpu: load of %q at %v: %w", l.Path, b.At, err)
		}
	}
	return nil
}

func (l *Load) check() error {
	switch {
	case bad(l.Runnable) || bad(l.Threads) || bad(l.OnCPU) || bad(l.Cores):
		return fmt.Errorf("%v of %v threads runnable, on %v of %v cores", l.Runnable, l.Threads, l.OnCPU, l.Cores)
	case l.Nice < -20 || l.Nice > 19:
		return fmt.Errorf("nice %d", l.Nice)
	case len(l.Weights) == 0:
		return nil
	}
	path, depth := strings.Trim(l.Path, "/"), 0
	if path != "" {
		depth = strings.Count(path, "/") + 1
	}
	if len(l.Weights) != depth {
		return fmt.Errorf("%d weights for a path of %d", len(l.Weights), depth)
	}
	for _, w := range l.Weights {
		if bad(w) || w == 0 {
			return errors.New("a weight must be above 0")
		}
	}
	return nil
}

// begin begins the bucket whose time has come.
func (m *Machine) begin() {
	for len(m.outside) > 0 && int64(m.outside[0].At) <= m.at.ns {
		m.setOutside(m.outside[0])
		m.outside = m.outside[1:]
	}
}

func (m *Machine) setOutside(b Bucket) {
	m.stolen = b.Stolen
	was := m.loaded
	m.loaded = m.was[:0]
	for _, g := range was {
		g.loads = g.loads[:0]
	}
	for i := range b.Loads {
		l := &b.Loads[i]
		f := l.leaf(m.frozen)
		if f.n == 0 {
			continue
		}
		g := &m.root
		if path := strings.Trim(l.Path, "/"); path != "" {
			g = g.descend(path)
		}
		if len(g.loads) == 0 {
			m.loaded = append(m.loaded, g)
		}
		g.loads = append(g.loads, f)
		for up, i := g, len(l.Weights)-1; i >= 0; up, i = up.up, i-1 {
			up.weight = l.Weights[i]
		}
		g.wake()
	}
	for _, g := range was { // only now: a load that goes on is no new one
		g.sleep()
	}
	m.was = was
}

// NiceWeight is the weight of a thread, or of an autogroup, of that nice, from
// −20 to 19. That of 0 is 1.
func NiceWeight(nice int) float64 { return weights[nice+20] / 1024 }

// weights is Linux's sched_prio_to_weight.
var weights = [40]float64{
	88761, 71755, 56483, 46273, 36291,
	29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906,
	3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423,
	335, 272, 215, 172, 137,
	110, 87, 70, 56, 45,
	36, 29, 23, 18, 15,
}
