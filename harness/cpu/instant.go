package cpu

import (
	"math"
	"time"
)

// An instant, or a sum of time, in nanoseconds: whole ones apart from the rest,
// so that it is as exact after hours as it was after a microsecond.
type instant struct {
	ns   int64
	part float64 // 0 ≤ part < 1
}

func (a instant) plus(ns float64) instant {
	whole := math.Floor(ns)
	a.ns += int64(whole)
	a.part += ns - whole
	if a.part >= 1 {
		a.ns++
		a.part--
	}
	return a
}

func (a instant) since(b instant) float64 { return float64(a.ns-b.ns) + (a.part - b.part) }

// snap takes what is as good as a whole nanosecond for one.
func (a instant) snap(slack float64) instant {
	switch {
	case a.part <= slack:
		a.part = 0
	case a.part >= 1-slack:
		a.ns, a.part = a.ns+1, 0
	}
	return a
}

func (a instant) ceil() time.Duration {
	if a.part > 0 {
		return time.Duration(a.ns + 1)
	}
	return time.Duration(a.ns)
}

func (a instant) round() time.Duration {
	if a.part >= 0.5 {
		return time.Duration(a.ns + 1)
	}
	return time.Duration(a.ns)
}
