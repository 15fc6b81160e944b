package harness

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"
)

// runLabel marks the goroutines of a subject. They hand it on to those that
// they start, so what a subject leaves running can be told from everything
// else in the program, other runs included.
const runLabel = "butfor-run"

// labelled lists the goroutines with a run's label, a line for each place.
func labelled(run string) (left []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{fmt.Sprintf("goroutines unknown: %v", err)}
	}
	label := fmt.Sprintf("%q:%q", runLabel, run)
	_, blocks, _ := strings.Cut(profile.String(), "\n") // the first line is the total
	for block := range strings.SplitSeq(blocks, "\n\n") {
		if !strings.Contains(block, label) {
			continue
		}
		count, _, _ := strings.Cut(strings.TrimSpace(block), " ")
		at := "unknown"
		for line := range strings.Lines(block) {
			// "#	0x4a5b6c	package.function+0x1c	file:line"
			if f := strings.Fields(line); len(f) == 4 && f[0] == "#" && !strings.HasPrefix(f[2], "runtime.") && !strings.HasPrefix(f[2], "sync.") {
				at = f[2] + " " + f[3]
				break
			}
		}
		left = append(left, fmt.Sprintf("%s goroutines in %s", count, at))
	}
	return left
}
