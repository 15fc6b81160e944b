package findings

import "slices"

// Variants that sentences are about.
const (
	five, thirty, sixty = "deadline 5 boots", "deadline 30 boots", "deadline 60 boots"
	asTested, eager     = "as tested", "lazy: false"
	inTest, inService   = "test", "production"
	basic, minimal      = "basic pool initialization", "concurrent operations, minimal pool"
	patientClients      = "the whole of their last version, clients 2 boots apart"
	longer              = "their fix alone: " + thirty
)

// What several sentences come to.
var (
	atOneDesk = Answer{"calls on warm workers go on side by side, in V1 one after another; starts still go one after another, inside the manager",
		slices.Concat(v1Shows("v1-serial"), seedShows("concurrent-when-warm")), seedShows("serial-start", "starts wait")}
	sideBySide = Answer{"4 calls on 4 warm workers take as long as one; of 4 callers of 4 cold ones 3 get none",
		slices.Concat(v1Shows("concurrent-when-warm"), seedShows("concurrent-when-warm")), seedShows("cold-start-timeouts", five)}
	framing = Answer{"both frame alike for the owner of a port; what broke the framing was stderr, merged into stdout",
		nil, seedShows("port-command", "command, merged", "send, merged", "command, apart", "send, apart")}
	framingChanged = Answer{"it was changed, and that changed nothing: both frame alike for the owner of a port, and neither what is merged into stdout",
		seedShows("port-command", "command, apart"), seedShows("port-command", "command, merged", "send, merged", "send, apart")}
	guarded = Answer{"who dies between the check and the connect brings on badarg all the same, and the guard's own answer is an illegal return: either ends the pool",
		nil, seedShows("alive-guard", "", "without the guard", "between check and connect")}
	ownSessions = Answer{"each worker keeps sessions apart; but a session has whichever worker is next, and so a state on each, and a listing without a session shows what all have put",
		seedShows("session-isolation", "two sessions on one worker"), seedShows("session-isolation", "", "a listing without a session")}
	notTheMachine = Answer{"what the run met is inside the contract, and there an ideal pool serves all: while a worker starts, the manager discards whoever asks",
		nil, seedShows("cold-start-timeouts", five)}
	looked = Answer{"three quarters of such a start are the pool's own, which starts Python three times before, to see whether it starts",
		seedShows("slow-start-self-made"), seedShows("slow-start-self-made", "without the check")}
	herded = Answer{"8 starts at once are all late together; but V2 begins no two at once",
		herdShows("self-made-contention"), seedShows("serial-start", "starts compute")}
	served = Answer{"in production V2 fails as well, otherwise than in a test: a worker dies with the client that used it",
		nil, seedShows("test-vs-production", inService)}
	likeInTests = Answer{"V2 fails in both: in a test as callers are lost during a start, in production as a worker dies with the client that used it",
		nil, seedShows("test-vs-production", inTest, inService)}
	shipped = Answer{"in production V1 serves every call; V2 does not, as a worker dies with the client that used it",
		nil, slices.Concat(v1Shows("test-vs-production", inService), seedShows("test-vs-production", inService))}
	shortLives = Answer{"a worker dies with the last client that used it, and the next check-out takes the pool down",
		nil, seedShows("long-lived-workers")}
	warmAtOnce = Answer{"lazy: false serves all, though its starts go one after another; V2-last, which pre-warmed in its own way, lost all workers but one by that",
		seedShows("three-recommendations", asTested, eager), lastShows("prewarm-leaks")}
	moreWorkers = Answer{"with twice the workers V2 serves as many as before: who asks during a start is lost",
		nil, seedShows("three-recommendations", asTested, "schedulers × 2")}
	keptWarm = Answer{"the check says healthy whatever is, and its timer does nothing but begin again: a dead worker is not replaced",
		nil, seedShows("health-check-constant")}
	metrics = Answer{"who asks V2 for its figures asks the manager, which knows no such call and dies of it",
		nil, seedShows("wrong-name")}
	twoPools = Answer{"two pools of V2 have one name: the second can't open; two herds take twice as long to start on the same cores as one",
		slices.Concat(seedShows("global-pool-conflict"), herdShows("global-pool-conflict", "", "alone")), nil}
	signalled = Answer{"there is: a pool that waits for it hands out no worker that is still loading; V2 does not look at it",
		seedShows("ready-signal", "whoever is loading is not ready"), nil}
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
	says := func(quote string, a Answer) Sentence { return Sentence{Quote: quote, Answer: a} }
	of(conclusion, "summary",
		says("has successfully addressed the architectural issues identified in V1", atOneDesk),
	)
	of(conclusion, "achievements",
		says("Eliminated GenServer Bottleneck", atOneDesk),
		says("The blocking `NimblePool.checkout!` call now happens in client processes, not in the pool manager",
			Answer{"clients wait for themselves; but the start of a worker happens in the manager, which discards whoever asks meanwhile",
				seedShows("concurrent-when-warm"), seedShows("cold-start-timeouts", five)}),
		says("Using `Port.command/2` instead of `send/2` for packet mode ports", framing),
		says("Correctly understanding that `Protocol.decode_response` returns the result content",
			Answer{"V1 unwrapped the result twice, and every answer was nil; V2 gives back what the worker answered",
				slices.Concat(v1Shows("double-unwrap"), seedShows("double-unwrap")), nil}),
		says("Multiple clients can now execute Python operations in parallel", sideBySide),
	)
	of(conclusion, "implementation status",
		says("All critical fixes have been implemented",
			Answer{"who asks during a start is still lost, and a worker still dies with the client that used it",
				nil, slices.Concat(seedShows("cold-start-timeouts", five), seedShows("long-lived-workers"))}),
		says("Worker initialization uses `Port.command/2`", framingChanged),
		says("Tests use `async: false` to prevent race conditions",
			Answer{"one test at a time still races with what the one before left: the orphan of a pool that was stopped has its name when the next pool opens",
				nil, seedShows("stop-race")}),
		says("Tests use `start_supervised!` for proper isolation",
			Answer{"stopping a pool kills its manager first: an orphan goes on stopping, and the next pool finds its name taken",
				nil, seedShows("stop-race")}),
		says("`Process.alive?` guards added to prevent `:badarg` errors", guarded),
		says("`Task.Supervisor` used for concurrent test processes", Answer{}),
		says("Test helpers created for better abstractions", Answer{}),
		says("Timeouts increased for slow Python startup",
			Answer{"a lost request is as lost after 60 boots as after 5", nil, seedShows("timeouts-increased", five, sixty)}),
		says("Sequential pre-warming implemented",
			Answer{"of 4 workers one is warmed: an idle worker is always preferred to a lazy start", nil, seedShows("prewarm-warms-one")}),
	)
	of(conclusion, "remaining test issues",
		says("Despite all fixes, some tests still fail",
			Answer{"of 4 callers of 4 cold workers one is served, whatever the order in which they come", seedShows("ship-it"), nil}),
		says("Takes 1.5-2 seconds per worker", looked),
		says("Additional 0.5-1 second for ping/pong",
			Answer{"a start with its hello is one boot; the three more are the pool's own, which starts Python three times before, to see whether it starts",
				seedShows("slow-start-self-made"), seedShows("slow-start-self-made", "without the check")}),
		says("Multiple workers initializing simultaneously compete for resources", herded),
	)
	of(conclusion, "test results",
		says("Single operations: ✅ Working perfectly",
			Answer{"a call by itself is served; one that prints hangs, and one that raises an error takes its caller down",
				seedShows("simple-tests", basic), slices.Concat(seedShows("stdout-noise"), seedShows("error-crashes-client"))}),
		says("Sequential operations: ✅ Working perfectly",
			Answer{"of 20 clients, one after another, the first is served: the worker dies with it, and the next check-out takes the pool down",
				nil, seedShows("long-lived-workers")}),
		says("Intermittent timeouts due to slow initialization",
			Answer{"not now and then, but each time 3 of 4; and not as it is slow: with 30 boots to wait they are lost as well",
				nil, slices.Concat(seedShows("ship-it"), seedShows("cold-start-timeouts", longer))}),
	)
	of(conclusion, "conclusion",
		says("The V2 pool architecture is sound and production-ready", served),
		says("The remaining test failures are environmental, not architectural", notTheMachine),
		says("the inherent slowness of spawning external Python processes in a test environment",
			Answer{"8 starts take 8 times as long as one, as the manager makes one after another; and three quarters of each are its own look at whether Python starts",
				nil, slices.Concat(seedShows("serial-start", "starts wait"), seedShows("slow-start-self-made"))}),
	)
	of(conclusion, "production deployment",
		says("In production, the V2 pool will work excellently", served),
		says("Workers are initialized once at startup and stay alive", shortLives),
		says("No constant spawning/killing of processes",
			Answer{"a worker dies with the client that used it: in V2-last each of 20 clients has one started",
				nil, slices.Concat(seedShows("long-lived-workers"), lastShows("long-lived-workers", patientClients))}),
		says("Health checks keep workers warm", keptWarm),
		says("True concurrent execution provides significant performance benefits", sideBySide),
	)
	of(conclusion, "recommendations",
		says("The architecture is correct and provides the intended benefits", served),
		says("Initialize all workers during application startup", warmAtOnce),
		says("Track checkout times and worker utilization", metrics),
		says("Some flakiness in tests is acceptable given the external process management",
			Answer{"with time and order under control the same test gives the same answer, whatever the seed", nil, seedShows("ship-it")}),
		says("a significant improvement over V1 and should be deployed to production", shipped),
		says("The test issues do not reflect production behavior where workers have long lifespans", likeInTests),
	)
	of(report, "executive summary",
		says("architecturally sound and production-ready", served),
		says("Test failures are due to environmental factors in the test suite, not architectural flaws", notTheMachine),
	)
	of(report, "finding 1",
		says("V2 Architecture Works Correctly ✅",
			Answer{"while a worker starts, the manager discards whoever asks; and a worker dies with the last client that used it",
				nil, slices.Concat(seedShows("cold-start-timeouts", five), seedShows("long-lived-workers"))}),
		says("Successfully eliminated the GenServer bottleneck from V1", atOneDesk),
		says("Proper use of `Port.command/2` for packet mode communication", framing),
		says("True concurrent execution capability verified",
			Answer{"the test that was to verify it can't fail: of n calls one after another the slowest takes 2n/(n+1) times the average",
				nil, v1Shows("silenced-detector")}),
		says("Session isolation working as designed", ownSessions),
	)
	of(report, "finding 2",
		says("Test Challenges Are Environmental 🧪", notTheMachine),
		says("Python process startup: ~1.5-2 seconds per worker", looked),
		says("Worker initialization overhead: ~0.5-1 second",
			Answer{"the overhead is the pool's own: it starts Python three times before, to see whether it starts",
				seedShows("slow-start-self-made"), seedShows("slow-start-self-made", "without the check")}),
		says("Resource contention when multiple workers start simultaneously", herded),
		says("Test infrastructure conflicts with global pool in full_integration mode", twoPools),
	)
	of(report, "finding 3",
		says("Initialization Signal Exists ✅", signalled),
		says("the answer is **YES**", signalled),
		says("Workers send an init ping response with `status: \"ok\"`",
			Answer{"they do; but V2 takes any map for it, and hands out a worker that says it is loading",
				seedShows("ready-signal", "whoever is loading is not ready"), seedShows("ready-signal")}),
		says("This confirms the worker is fully initialized and ready",
			Answer{"status ok does; but V2 takes any map for it, and hands out a worker that says it is loading",
				seedShows("ready-signal", "whoever is loading is not ready"), seedShows("ready-signal")}),
		says("The issue isn't lack of signal, but the time it takes to reach this state",
			Answer{"with 30 boots to wait 3 of 4 callers are lost as well: who asks while a worker starts is discarded",
				nil, seedShows("cold-start-timeouts", five, longer)}),
	)
	of(report, "test results",
		says("2 tests, 0 failures",
			Answer{"they ask for one start and for two, one after the other", seedShows("simple-tests", basic, minimal), nil}),
		says("Basic pool initialization: PASS (5.5s)",
			Answer{"one start of 5 s, and half a second for what the test does", seedShows("simple-tests", basic), nil}),
		says("Concurrent operations with minimal pool: PASS (10.5s)",
			Answer{"two starts of 5 s, one after the other; ours takes 5.5 s, as for one", seedShows("simple-tests", minimal), nil}),
		says("Timeouts during pre-warming when too many workers initialize at once",
			Answer{"of 4 cold workers asked for at once one is started, and who waits for the others is lost; V2 begins no two at once",
				nil, slices.Concat(seedShows("cold-start-timeouts", five), seedShows("serial-start", "starts compute"))}),
		says("Conflicts with global pool in full_integration mode", twoPools),
		says("Sequential execution observed when workers aren't pre-warmed",
			Answer{"the second of 4 calls waits for a start, the other two are lost meanwhile", seedShows("prewarm-warms-one"), nil}),
	)
	of(report, "root cause analysis",
		says("Pool configured with `lazy: true` means workers only start on demand",
			Answer{"they do, and with lazy: false all are served; but a manager that hears serves all of a lazy pool as well",
				seedShows("three-recommendations", asTested, eager), seedShows("cold-start-timeouts", "the real fix alone: "+thirty)}),
		says("Even with pre-warming, concurrent requests can spawn new workers",
			Answer{"of 4 workers the pre-warming warms one, and the second of 4 requests has another started", seedShows("prewarm-warms-one"), nil}),
		says("Multiple Python processes starting simultaneously compete for CPU/memory",
			Answer{"for CPU, of a herd; V2 begins no two at once. Of memory nothing is measured",
				herdShows("self-made-contention"), seedShows("serial-start", "starts compute")}),
	)
	of(report, "production recommendations",
		says("In production, pre-warm all workers at startup", warmAtOnce),
		says("config :dspex, DSPex.PythonBridge.SessionPoolV2",
			Answer{"nobody reads these keys: with all of them the run is the same, event by event",
				nil, seedShows("config-never-read", "without any", "with all four")}),
		says("pool_size: System.schedulers_online() * 2", moreWorkers),
		says("overflow: 2", Answer{"the setting does nothing", nil, seedShows("overflow-is-a-no-op")}),
		says("lazy: false,  # Start all workers immediately",
			Answer{"it is the one setting that changes who V2 serves; the workers start one after another",
				seedShows("three-recommendations", asTested, eager), seedShows("serial-start", "starts wait")}),
		says("checkout_timeout: 30_000",
			Answer{"a lost request is as lost after 30 boots as after 5", nil, seedShows("timeouts-increased", five, thirty)}),
		says("Implement periodic health checks to keep workers warm", keptWarm),
		says("Monitor pool metrics: checkout times, worker utilization", metrics),
		says("Set up alerts for pool exhaustion",
			Answer{"there is nothing to be alerted by: who asks for the figures ends the manager, and the health check says well with no worker alive",
				nil, slices.Concat(seedShows("wrong-name"), seedShows("health-check-constant"))}),
		says("Start with `schedulers * 2` workers", moreWorkers),
		says("Adjust based on actual concurrent usage patterns", Answer{}),
		says("Consider separate pools for different workload types",
			Answer{"with as many workers in two pools quick calls wait for nobody, in one for the slow ones; these take twice as long in two",
				seedShows("workload-pools", "one pool", "two pools"), nil}),
	)
	of(report, "code quality",
		says("Changed from `send/2` to `Port.command/2`", framingChanged),
		says("`Process.alive?` checks prevent `:badarg` errors", guarded),
		says("Tests use `async: false`", Answer{}),
		says("`Task.Supervisor` for concurrent operations", Answer{}),
		says("Test helpers for pool management", Answer{}),
		says("Unique pool names to avoid conflicts",
			Answer{"two pools of V2 with names of their own are both served; their starts still share the cores, as those of two herds do",
				seedShows("global-pool-conflict", "", "each with a name of its own"), herdShows("global-pool-conflict", "", "alone")}),
	)
	of(report, "conclusion",
		says("successfully addresses all architectural issues from V1",
			Answer{"starts still go one after another inside the manager, which discards whoever asks meanwhile",
				nil, slices.Concat(seedShows("serial-start", "starts wait"), seedShows("cold-start-timeouts", five))}),
		says("No GenServer bottleneck", atOneDesk),
		says("True concurrent execution", sideBySide),
		says("Proper session isolation", ownSessions),
		says("Correct port communication", framing),
		says("The remaining test timeouts are due to the inherent slowness of spawning external Python processes",
			Answer{"with 30 boots to wait 3 of 4 callers are lost as well; and 8 starts take 8 times as long as one, as the manager makes one after another",
				nil, slices.Concat(seedShows("cold-start-timeouts", longer), seedShows("serial-start", "starts wait"))}),
		says("not a concern in production where workers have long lifespans", shortLives),
	)
	of(report, "final verdict",
		says("Ship it!",
			Answer{"it fails its own test whatever the seed, and in production as well",
				nil, slices.Concat(seedShows("ship-it"), seedShows("test-vs-production", inService))}),
		says("The V2 pool is production-ready", served),
		says("will provide significant performance improvements over V1",
			Answer{"4 calls on 4 warm workers take as long as one, in V1 as 4; in production V1 serves every call, V2 does not",
				slices.Concat(v1Shows("concurrent-when-warm"), seedShows("concurrent-when-warm")),
				slices.Concat(v1Shows("test-vs-production", inService), seedShows("test-vs-production", inService))}),
		says("The test issues do not reflect production behavior and should not block deployment", likeInTests),
	)
	of(report, "test environment vs production",
		says("Worker Lifespan | Seconds | Hours/Days", shortLives),
		says("Startup Frequency | Every test | Once at deploy",
			Answer{"workers end with their clients in production: V2 loses all four and starts none anew; V2-last starts one for each call that it serves",
				nil, slices.Concat(seedShows("test-vs-production", inService), lastShows("test-vs-production", inService))}),
		says("Resource Contention | High (many starts) | Low (stable state)",
			Answer{"8 starts at once are all late together, and so are those of two pools; but V2 by itself begins no two at once, in a test or in production, where its workers end with their clients: no stable state",
				slices.Concat(herdShows("self-made-contention"), herdShows("global-pool-conflict", "", "alone")), seedShows("test-vs-production", inTest, inService)}),
		says("Pool Conflicts | Yes (global + test) | No (single pool)",
			Answer{"two pools of V2 have one name, of which the second can't open; with names of their own both are served, in a test as well. A single pool has none to conflict with",
				seedShows("global-pool-conflict"), seedShows("global-pool-conflict", "each with a name of its own")}),
		says("Initialization Time | Critical issue | One-time cost",
			Answer{"in a test it is not the time: with 30 boots to wait 3 of 4 callers are lost as well; in production V2-last starts a worker for each call that it serves, however long it is up",
				nil, slices.Concat(seedShows("timeouts-increased", thirty), lastShows("test-vs-production", inService))}),
		says("a significant improvement and should be deployed to production", shipped),
	)
	return all
}
