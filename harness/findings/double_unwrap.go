package findings

import "github.com/butfor/butfor/harness/subject/dspex"

var doubleUnwrap = Finding{
	ID:     "double-unwrap",
	Claim:  "V1 gives back what the worker answered",
	Source: "V1",
	Truth:  "the result is unwrapped twice: every answer is nil, and nobody is told",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases:  func(u Unit) []Case { return first(u, dspex.DoubleUnwrap) },
}
