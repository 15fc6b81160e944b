package virtual

import (
	"runtime"
	"strings"
)

// bubbleOf is how the runtime calls the bubble that it is called in, in a dump; "" where
// it is called in none.
func bubbleOf() string {
	buf := make([]byte, 128)
	head, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "\n")
	_, after, in := strings.Cut(head, bubbleMark)
	if !in {
		return ""
	}
	number, _, _ := strings.Cut(after, "]")
	number, _, _ = strings.Cut(number, ",")
	return bubbleMark + number
}

const bubbleMark = "synctest bubble "

// stacks are those of a bubble's goroutines, as the runtime dumps them.
func stacks(bubble string) string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	var found []string
	for g := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		head, _, _ := strings.Cut(g, "\n")
		if bubble != "" && (strings.Contains(head, bubble+"]") || strings.Contains(head, bubble+",")) {
			found = append(found, g)
		}
	}
	return strings.Join(found, "\n\n")
}
