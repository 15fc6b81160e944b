package findings

import "github.com/butfor/butfor/harness/subject/dspex"

var shutdownIgnored = Finding{
	ID:     "shutdown-ignored",
	Claim:  "the removal of one worker is no matter of the others",
	Source: "all versions",
	Truth:  "a worker says that it shuts down, and stays: each removal waits for a second, inside the manager",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) []Case {
		return append(removals(u, dspex.ShutdownIgnored), stops(u, dspex.ShutdownIgnored)...)
	},
}
