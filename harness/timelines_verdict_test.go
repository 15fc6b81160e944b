package harness

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/butfor/butfor/harness/report"
)

// verdict prints what the judge says of the last run.
func (s *script) verdict(*testing.T, *datadriven.TestData) (string, error) {
	if _, err := s.ran(); err != nil {
		return "", err
	}
	r := s.result
	var lines []string
	for _, line := range []string{string(r.Word), "mechanism: " + r.Mechanism, "reason: " + report.Rounded(r.Reason)} {
		if line != "mechanism: " { // of a sound run
			lines = append(lines, strings.Split(text.WrapSoft(line, 100), "\n")...)
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n"), nil
}
