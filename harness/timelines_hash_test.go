package harness

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// hash plays the last run again and again, and counts those whose trace is the
// same, to the nanosecond. The hash itself is not printed: it is another one
// with other build tags.
func (s *script) hash(t *testing.T, d *datadriven.TestData) (string, error) {
	if _, err := s.ran(); err != nil {
		return "", err
	}
	times := 10
	d.MaybeScanArgs(t, "times", &times)
	alike := 0
	for range times {
		if s.play(t, s.result.Scenario).Hash == s.result.Hash {
			alike++
		}
	}
	return fmt.Sprintf("%d of %d runs have the same trace", alike, times), nil
}
