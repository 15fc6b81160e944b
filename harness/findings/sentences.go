package findings

// A Sentence is one of the two reports, in a few of its words, and whether what it
// says holds.
type Sentence struct {
	Report, Section string
	Quote           string
	Finding         string   // that shows it; "" if it is none about what the pool does
	Variants        []string // of the finding whose figures it is about; nil: the first
	Holds           Holding
}

// A Holding is whether a sentence holds.
type Holding string

// What there is to say of a sentence. Some speak of the code or the tests, not of
// what the pool does: nothing can be measured of them.
const (
	Holds       Holding = "holds"
	HoldsInPart Holding = "holds in part"
	Refuted     Holding = "refuted"
	Unmeasured  Holding = "nothing to measure"
)

// What several sentences are about.
var (
	framing = []string{"command, merged", "send, merged", "command, apart", "send, apart"}
	presets = []string{"test", "production"}
	simple  = []string{"basic pool initialization", "concurrent operations, minimal pool"}
)

// Sentences are those of the two reports, in their order.
func Sentences() []Sentence {
	var all []Sentence
	of := func(report, section string, sentences ...Sentence) {
		for _, s := range sentences {
			s.Report, s.Section = report, section
			all = append(all, s)
		}
	}
	of(conclusion, "achievements",
		Sentence{Quote: "has successfully addressed the architectural issues identified in V1", Finding: "cold-start-timeouts", Holds: Refuted},
		Sentence{Quote: "Eliminated GenServer Bottleneck", Finding: "concurrent-when-warm", Holds: HoldsInPart},
		Sentence{Quote: "Using Port.command/2 instead of send/2 for packet mode ports", Finding: "port-command", Variants: framing, Holds: Refuted},
		Sentence{Quote: "correctly understanding that decode_response returns the result content", Finding: "double-unwrap", Holds: Holds},
		Sentence{Quote: "Multiple clients can now execute Python operations in parallel", Finding: "concurrent-when-warm", Holds: HoldsInPart},
	)
	of(conclusion, "implementation status",
		Sentence{Quote: "All critical fixes have been implemented", Finding: "cold-start-timeouts", Holds: Refuted},
		Sentence{Quote: "Worker initialization uses Port.command/2", Finding: "port-command", Variants: framing, Holds: Refuted},
		Sentence{Quote: "Tests use async: false to prevent race conditions", Holds: Unmeasured},
		Sentence{Quote: "Tests use start_supervised! for proper isolation", Holds: Unmeasured},
		Sentence{Quote: "Process.alive? guards added to prevent :badarg errors", Finding: "alive-guard", Holds: Refuted},
		Sentence{Quote: "Task.Supervisor used for concurrent test processes", Holds: Unmeasured},
		Sentence{Quote: "Test helpers created for better abstractions", Holds: Unmeasured},
		Sentence{Quote: "Timeouts increased for slow Python startup", Finding: "timeouts-increased", Variants: []string{"deadline 5 boots", "deadline 60 boots"}, Holds: Refuted},
		Sentence{Quote: "Sequential pre-warming implemented", Finding: "prewarm-warms-one", Holds: Refuted},
	)
	of(conclusion, "remaining test issues",
		Sentence{Quote: "Takes 1.5-2 seconds per worker", Finding: "slow-start-self-made", Holds: HoldsInPart},
		Sentence{Quote: "Additional 0.5-1 second for ping/pong", Finding: "slow-start-self-made", Holds: HoldsInPart},
		Sentence{Quote: "Multiple workers initializing simultaneously compete for resources", Finding: "self-made-contention", Holds: HoldsInPart},
	)
	of(conclusion, "test results",
		Sentence{Quote: "Single operations: working perfectly", Finding: "concurrent-when-warm", Holds: HoldsInPart},
		Sentence{Quote: "Sequential operations: working perfectly", Finding: "long-lived-workers", Holds: Refuted},
		Sentence{Quote: "Intermittent timeouts due to slow initialization", Finding: "cold-start-timeouts", Holds: Refuted},
	)
	of(conclusion, "conclusion",
		Sentence{Quote: "The V2 pool architecture is sound and production-ready", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "remaining test failures are environmental, not architectural", Finding: "cold-start-timeouts", Holds: Refuted},
		Sentence{Quote: "the inherent slowness of spawning external Python processes", Finding: "serial-start", Holds: Refuted},
	)
	of(conclusion, "production deployment",
		Sentence{Quote: "In production, the V2 pool will work excellently", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "Workers are initialized once at startup and stay alive", Finding: "long-lived-workers", Holds: Refuted},
		Sentence{Quote: "No constant spawning/killing of processes", Finding: "long-lived-workers", Holds: Refuted},
		Sentence{Quote: "Health checks keep workers warm", Finding: "health-check-constant", Holds: Refuted},
		Sentence{Quote: "True concurrent execution provides significant performance benefits", Finding: "concurrent-when-warm", Holds: HoldsInPart},
	)
	of(conclusion, "recommendations",
		Sentence{Quote: "Deploy V2: the architecture is correct", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "Initialize all workers during application startup", Finding: "three-recommendations", Variants: []string{"as tested", "lazy: false"}, Holds: HoldsInPart},
		Sentence{Quote: "Track checkout times and worker utilization", Holds: Unmeasured},
		Sentence{Quote: "Some flakiness in tests is acceptable", Finding: "ship-it", Holds: Refuted},
		Sentence{Quote: "The test issues do not reflect production behavior where workers have long lifespans", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "a significant improvement over V1 and should be deployed to production", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
	)
	of(report, "executive summary",
		Sentence{Quote: "architecturally sound and production-ready", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "Test failures are due to environmental factors", Finding: "cold-start-timeouts", Holds: Refuted},
	)
	of(report, "finding 1",
		Sentence{Quote: "Successfully eliminated the GenServer bottleneck from V1", Finding: "concurrent-when-warm", Holds: HoldsInPart},
		Sentence{Quote: "Proper use of Port.command/2 for packet mode communication", Finding: "port-command", Variants: framing, Holds: Refuted},
		Sentence{Quote: "True concurrent execution capability verified", Finding: "silenced-detector", Holds: Refuted},
		Sentence{Quote: "Session isolation working as designed", Finding: "session-isolation", Variants: []string{"", "a listing without a session"}, Holds: HoldsInPart},
	)
	of(report, "finding 2",
		Sentence{Quote: "Python process startup: ~1.5-2 seconds per worker", Finding: "slow-start-self-made", Holds: HoldsInPart},
		Sentence{Quote: "Worker initialization overhead: ~0.5-1 second", Finding: "slow-start-self-made", Holds: HoldsInPart},
		Sentence{Quote: "Resource contention when multiple workers start simultaneously", Finding: "self-made-contention", Holds: HoldsInPart},
		Sentence{Quote: "conflicts with global pool in full_integration mode", Finding: "global-pool-conflict", Holds: Holds},
	)
	of(report, "finding 3",
		Sentence{Quote: "Workers send an init ping response with status: \"ok\"", Finding: "ready-signal", Holds: HoldsInPart},
		Sentence{Quote: "This confirms the worker is fully initialized and ready", Finding: "ready-signal", Holds: HoldsInPart},
		Sentence{Quote: "The issue isn't lack of signal, but the time it takes", Finding: "serial-start", Holds: Refuted},
	)
	of(report, "test results",
		Sentence{Quote: "2 tests, 0 failures", Finding: "simple-tests", Variants: simple, Holds: Holds},
		Sentence{Quote: "Basic pool initialization: PASS (5.5s)", Finding: "simple-tests", Holds: Holds},
		Sentence{Quote: "Concurrent operations with minimal pool: PASS (10.5s)", Finding: "simple-tests", Variants: []string{"concurrent operations, minimal pool"}, Holds: Holds},
		Sentence{Quote: "Timeouts during pre-warming when too many workers initialize at once", Finding: "serial-start", Holds: Refuted},
		Sentence{Quote: "Conflicts with global pool in full_integration mode", Finding: "global-pool-conflict", Holds: Holds},
		Sentence{Quote: "Sequential execution observed when workers aren't pre-warmed", Finding: "prewarm-warms-one", Holds: Holds},
	)
	of(report, "root cause analysis",
		Sentence{Quote: "lazy: true means workers only start on demand", Finding: "three-recommendations", Variants: []string{"as tested", "lazy: false"}, Holds: HoldsInPart},
		Sentence{Quote: "Even with pre-warming, concurrent requests can spawn new workers", Finding: "prewarm-warms-one", Holds: Holds},
		Sentence{Quote: "Multiple Python processes starting simultaneously compete for CPU/memory", Finding: "self-made-contention", Holds: HoldsInPart},
	)
	of(report, "production recommendations",
		Sentence{Quote: "pre-warm all workers at startup", Finding: "three-recommendations", Variants: []string{"as tested", "lazy: false"}, Holds: HoldsInPart},
		Sentence{Quote: "pool_size: System.schedulers_online() * 2", Finding: "three-recommendations", Variants: []string{"as tested", "schedulers × 2"}, Holds: Refuted},
		Sentence{Quote: "overflow: 2", Finding: "overflow-is-a-no-op", Holds: Refuted},
		Sentence{Quote: "lazy: false", Finding: "three-recommendations", Variants: []string{"as tested", "lazy: false"}, Holds: HoldsInPart},
		Sentence{Quote: "checkout_timeout: 30_000", Finding: "timeouts-increased", Variants: []string{"deadline 5 boots", "deadline 30 boots"}, Holds: Refuted},
		Sentence{Quote: "periodic health checks to keep workers warm", Finding: "health-check-constant", Holds: Refuted},
		Sentence{Quote: "Monitor pool metrics, set up alerts", Holds: Unmeasured},
		Sentence{Quote: "Start with schedulers * 2 workers", Finding: "three-recommendations", Variants: []string{"as tested", "schedulers × 2"}, Holds: Refuted},
		Sentence{Quote: "Adjust based on actual concurrent usage patterns", Holds: Unmeasured},
		Sentence{Quote: "separate pools for different workload types", Finding: "workload-pools", Variants: []string{"one pool", "two pools"}, Holds: Holds},
	)
	of(report, "code quality",
		Sentence{Quote: "Changed from send/2 to Port.command/2", Finding: "port-command", Variants: framing, Holds: Refuted},
		Sentence{Quote: "Process.alive? checks prevent :badarg errors", Finding: "alive-guard", Holds: Refuted},
		Sentence{Quote: "Tests use async: false", Holds: Unmeasured},
		Sentence{Quote: "Task.Supervisor for concurrent operations", Holds: Unmeasured},
		Sentence{Quote: "Test helpers for pool management", Holds: Unmeasured},
		Sentence{Quote: "Unique pool names to avoid conflicts", Finding: "global-pool-conflict", Variants: []string{"", "each with a name of its own"}, Holds: HoldsInPart},
	)
	of(report, "conclusion",
		Sentence{Quote: "successfully addresses all architectural issues from V1", Finding: "cold-start-timeouts", Holds: Refuted},
		Sentence{Quote: "No GenServer bottleneck", Finding: "serial-start", Holds: Refuted},
		Sentence{Quote: "True concurrent execution", Finding: "concurrent-when-warm", Holds: HoldsInPart},
		Sentence{Quote: "Proper session isolation", Finding: "session-isolation", Variants: []string{"", "a listing without a session"}, Holds: HoldsInPart},
		Sentence{Quote: "Correct port communication", Finding: "port-command", Variants: framing, Holds: Refuted},
		Sentence{Quote: "remaining test timeouts are due to the inherent slowness of spawning external Python processes", Finding: "serial-start", Holds: Refuted},
		Sentence{Quote: "not a concern in production where workers have long lifespans", Finding: "long-lived-workers", Holds: Refuted},
	)
	of(report, "final verdict",
		Sentence{Quote: "Ship it!", Finding: "ship-it", Holds: Refuted},
		Sentence{Quote: "The V2 pool is production-ready", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
		Sentence{Quote: "significant performance improvements over V1", Finding: "concurrent-when-warm", Holds: HoldsInPart},
		Sentence{Quote: "The test issues do not reflect production behavior and should not block deployment", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
	)
	of(report, "test environment vs production",
		Sentence{Quote: "Worker lifespan: seconds, in production hours/days", Finding: "long-lived-workers", Holds: Refuted},
		Sentence{Quote: "Startup frequency: every test, in production once at deploy", Finding: "test-vs-production", Variants: presets, Holds: Refuted},
		Sentence{Quote: "Resource contention: high, in production low", Finding: "self-made-contention", Holds: HoldsInPart},
		Sentence{Quote: "Pool conflicts: yes, in production no", Finding: "global-pool-conflict", Holds: HoldsInPart},
		Sentence{Quote: "Initialization time: critical, in production one-time cost", Finding: "test-vs-production", Variants: presets, Holds: Refuted},
		Sentence{Quote: "a significant improvement and should be deployed to production", Finding: "test-vs-production", Variants: presets[1:], Holds: Refuted},
	)
	return all
}
