package harness

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/point"
)

// run plays the scenario twice and prints the timeline of both.
func (s *script) run(t *testing.T, d *datadriven.TestData) (string, error) {
	sc, width, quiet := s.scenario, 100, false
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "width":
			a.Scan(t, 0, &width)
		case "quiet":
			quiet = true
		default:
			another, err := Subject(a.Key)
			if err != nil {
				return "", err
			}
			sc.Subject = another
		}
	}
	one, two := s.play(t, sc), s.play(t, sc)
	if one.Hash != two.Hash {
		d.Fatalf(t, "two runs of %s differ: %s", sc.Subject.Name, firstDifference(one.Record, two.Record))
	}
	s.result = one
	switch {
	case quiet:
		return "ok", nil
	case point.Enabled && sc.Subject.Name == subject.Ours().Name:
		return d.Expected, nil // with points inside of it, others go first
	}
	var b strings.Builder
	report.Timeline(&b, one.Record, width)
	return b.String(), nil
}
