//go:build linux

package container

import (
	"errors"
	"testing"
	"time"
)

func TestAFreezeThatARuntimeFailedAtIsTriedAgain(t *testing.T) {
	unable := errors.New("Cannot pause container 1: OCI runtime pause failed: unable to freeze: unknown")
	gone := errors.New("No such container: 1")
	for name, x := range map[string]struct {
		answers []error // the last goes on
		tries   int
		err     error
	}{
		"it freezes":       {[]error{nil}, 1, nil},
		"the third time":   {[]error{unable, unable, nil}, 3, nil},
		"it is gone":       {[]error{gone}, 1, gone},
		"it goes meantime": {[]error{unable, gone}, 2, gone},
		"never":            {[]error{unable}, freezeTries, unable},
	} {
		tries := 0
		err := frozen(func() error {
			tries++
			return x.answers[min(tries, len(x.answers))-1]
		})
		if tries != x.tries || err != x.err {
			t.Errorf("%s: %d tries, %v; want %d, %v", name, tries, err, x.tries, x.err)
		}
	}
}

func TestAQuotaIsOfItsPeriod(t *testing.T) {
	for l, want := range map[Limits][2]int64{ // microseconds
		{CPUs: 0.1, Period: 10 * time.Millisecond}: {1000, 10000},
		{CPUs: 0.1}: {10000, 100000},
		{}:          {},
	} {
		if r := l.resources(); r.CPUQuota != want[0] || r.CPUPeriod != want[1] {
			t.Errorf("%+v: %d of %d µs, expected %d of %d", l, r.CPUQuota, r.CPUPeriod, want[0], want[1])
		}
	}
}
