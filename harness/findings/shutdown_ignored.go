package findings

import "github.com/butfor/butfor/harness/subject/dspex"

var shutdownIgnored = Finding{
	ID:     "shutdown-ignored",
	Claim:  "the removal of one worker is no matter of the others",
	Source: "all versions",
	Truth:  "a worker says that it shuts down, and stays: each removal waits for a second, inside the manager",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		// A stop takes the real workers of slow-goodbye as long.
		return append(oneVersion(removals(u, dspex.ShutdownIgnored)), inVirtualTime(stops(u, dspex.ShutdownIgnored))...)
	},
}
