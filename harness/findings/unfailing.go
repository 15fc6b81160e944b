package findings

import "slices"

// An Unfailing is a reason why assertions of the catalogue come out as claimed whatever
// bug is put into their pools, and stand there all the same. Those of a pool that no bug
// can be put into need none, where another pool of the finding fails them.
type Unfailing struct {
	Finding  string
	Variants []string // nil: that without a name
	Subject  string   // "" where they are about several cases
	Of       []Assertion
	Why      string
}

// Reasons that several have.
const (
	serialV1 = "one worker, and so one call after another, is how V1 is made, and no switch of it"
	serialV2 = "one start after another is how V2 is made, and no switch of it"
	historys = "the bug is the historical pool's, and none that is put into ours is like it"
)

// unfailing are those of the catalogue. A reason that is no longer needed is an error of
// butfor mutate.
var unfailing = []Unfailing{
	{"concurrent-when-warm", nil, "V1", []Assertion{OfVerdict}, serialV1},
	{"v1-serial", nil, "V1", []Assertion{OfVerdict, OfWorkers}, serialV1},
	{"serial-start", []string{"starts wait"}, "V1", []Assertion{OfWorkers}, serialV1},
	{"serial-start", []string{"starts wait", "lazy, starts wait", "starts compute"}, "V2-seed", []Assertion{OfVerdict, OfSerial}, serialV2},
	{"serial-start", []string{"starts wait, 2 s", "starts compute, 2 s"}, "V2-seed", []Assertion{OfVerdict}, serialV2},
	{"starved-by-quota", nil, "V2-seed", []Assertion{OfVerdict, OfSerial}, serialV2},
	{"self-made-contention", nil, "herd", []Assertion{"the herd's starts ask for as much"}, "what a start asks for is its worker's matter, not the pool's: it says that the waiting grows, and so what the machine does"},
	{"global-pool-conflict", nil, "V2-seed", []Assertion{OfVerdict, OfServed, OfTold}, "that pools share a name is a matter of who names them, and no switch of V2"},
	{"global-pool-conflict", []string{"each with a name of its own"}, "V2-seed", []Assertion{OfSerial}, serialV2},
	{"global-pool-conflict", nil, "ours", []Assertion{"the first pool serves all"}, "whoever opens first is hurt by nobody: it is there to be in the way of the second"},
	{"global-pool-conflict", nil, "herd", []Assertion{"both ask for as much CPU"}, "what a start asks for is its worker's matter, not the pool's: it says that the waiting grows, and so what the machine does"},
	{"global-pool-conflict", []string{"alone"}, "herd", []Assertion{OfServed}, "it is about when they are ready beside another herd, which is looked at: alone all are served"},
	{"workload-pools", []string{"two pools"}, "V2-seed", []Assertion{"quick calls"}, "that is the finding: where all calls are quick they wait for nobody, whichever pool it is"},
	{"workload-pools", []string{"two pools"}, "ours", []Assertion{"quick calls"}, "that is the finding: where all calls are quick they wait for nobody, whichever pool it is"},
	{"prewarm-warms-one", nil, "V1", []Assertion{OfWorkers, "workers pre-warmed"}, serialV1},
	{"prewarm-warms-one", nil, "V2-seed", []Assertion{OfVerdict}, serialV2},
	{"overflow-is-a-no-op", nil, "V2-seed", []Assertion{OfVerdict}, "that nothing is over the size is how V2 is set up, and no switch of it"},
	{"long-lived-workers", nil, "ours", []Assertion{OfServed, OfMostUsed}, historys},
	{"test-vs-production", []string{"test"}, "V2-seed", []Assertion{OfVerdict}, "it has several bugs at these settings: without any one of them it misses all the same"},
	{"test-vs-production", []string{"test", "production"}, "V2-P3", []Assertion{OfVerdict}, "it has several bugs at these settings: without any one of them it misses all the same"},
	{"test-vs-production", []string{"test"}, "V2-last", []Assertion{OfVerdict}, "it has several bugs at these settings: without any one of them it misses all the same"},
	{"test-vs-production", []string{"test", "production"}, "V2-seed", []Assertion{OfTogether}, serialV2},
	{"test-vs-production", []string{"test", "production"}, "V2-last", []Assertion{OfTogether}, serialV2},
	{"test-vs-production", []string{"test"}, "V2-last", []Assertion{OfWorkers}, "none of its bugs by itself changes how many workers it starts at these settings"},
	{"test-vs-production", []string{"production"}, "V3", []Assertion{OfServed}, "none of its bugs costs a call at these settings"},
	{"test-vs-production", []string{"production"}, "ours", []Assertion{OfServed}, "none of the bugs that are put into it costs a call at these settings"},
	{"three-recommendations", []string{"as tested", "lazy: false", "checkout_timeout: 30 boots"}, "V3", []Assertion{OfTimes}, "none of its bugs costs time where starts wait and calls are short"},
	{"config-never-read", nil, "", []Assertion{"ours with pool_size: another run than without", "ours with all four: another run than without"}, "no bug of ours takes no notice of its size; how many are served, which is looked at too, would tell"},
	{"config-never-read", nil, "", []Assertion{"ours with lazy: another run than without", "ours with checkout_timeout: another run than without"}, "no bug of ours takes no notice of a setting"},
	{"silenced-detector", nil, "", []Assertion{"the detector max < 2 × average", "the detector max < 5 × average"}, "that is the finding: it never alarms"},
	{"silenced-detector", nil, "", []Assertion{"the detector ours, all on one worker at a time"}, "no bug has a pool serve one call after another that served them at once, nor the other way"},
	{"alive-guard", []string{"between check and connect"}, "ours", []Assertion{OfVerdict}, historys},
	{"health-check-constant", nil, "ours", []Assertion{OfHealth}, historys},
	{"port-command", nil, "ours", []Assertion{OfVerdict, OfServed}, "the bug is the historical port's: ours takes no such message"},
	{"session-isolation", nil, "ours", []Assertion{OfServed, OfMostUsed}, historys},
	{"session-isolation", []string{"a listing without a session"}, "ours", []Assertion{OfVerdict, OfServed}, "the bug is the historical worker's"},
	{"dies-on-first-success", nil, "ours", []Assertion{OfVerdict, OfServed}, historys},
	{"double-unwrap", nil, "ours", []Assertion{OfVerdict, OfServed}, historys},
	{"stdout-noise", nil, "ours", []Assertion{OfVerdict, OfServed}, historys},
	{"deaf-start", []string{"a check-in"}, "ours", []Assertion{OfServed}, "it is about when they are served, which is looked at"},
	{"deaf-start", []string{"a stop"}, "ours", []Assertion{OfServed}, "it is about the stop, which is looked at"},
	{"slow-goodbye", []string{"6 idle workers stopped"}, "ours", []Assertion{OfServed}, "it is about the stop, which is looked at"},
	{"shutdown-ignored", []string{"6 idle workers stopped"}, "ours", []Assertion{OfServed}, "it is about the stop, which is looked at"},
	{"orphan-spin", nil, "V2-last", []Assertion{OfOrphansCPU}, "what an orphan does is its worker's matter, not the pool's; that there are any is looked at too"},
	{"orphan-spin", nil, "ours", []Assertion{OfServed}, "it is not about who is served: all of these pools serve both, and differ in what they leave behind"},
	{"orphan-spin", nil, "ours", []Assertion{OfOrphans}, "the bug is the historical worker's: ours ends with its port, whatever its pool does"},
	{"degraded-is-death", nil, "ours", []Assertion{OfServed}, "it is about when the next caller is served, which is looked at"},
	{"degraded-is-death", nil, "ours", []Assertion{OfWorkers}, historys},
	{"session-leak", []string{"", "programs"}, "ours", []Assertion{OfServed}, "it is not about who is served: all of these pools serve all, and differ in what they leave behind"},
	{"session-leak", []string{"", "programs"}, "ours", []Assertion{"sessions kept"}, historys},
	{"session-leak", nil, "V1", []Assertion{OfVerdict}, "that it can't be told of the end of a session is how V1 is made, and no switch of it"},
	{"session-leak", nil, "V3", []Assertion{OfVerdict, OfServed, "sessions kept"}, "that it can't be told of the end of a session is how V3 is made, and no switch of it"},
	{"counter-overwritten", nil, "ours", []Assertion{OfVerdict, OfServed}, "it is about what a pool counts, which ours does not: it stands beside the others"},
	{"table-owner-dies", nil, "ours", []Assertion{OfServed}, historys},
	{"error-crashes-client", nil, "ours", []Assertion{OfVerdict, OfServed, OfWorkers}, historys},
	{"breaker-never-opens", nil, "ours", []Assertion{OfServed}, historys},
	{"silent-frames", []string{"a result that is no JSON", "a request without an id", "a request that is no JSON"}, "V2-P3", []Assertion{OfVerdict}, "it has several bugs at these settings: without any one of them it misses all the same"},
	{"silent-frames", []string{"a result that is no JSON", "a request without an id", "a request that is no JSON"}, "ours", []Assertion{OfVerdict, OfServed, OfWorkers}, "the bug is the historical worker's: ours answers what it can't read or send"},
	{"retry-amplifies", []string{"a program created twice"}, "ours", []Assertion{OfServed, OfPerCall}, historys},
	{"health-blocks-pool", nil, "ours", []Assertion{OfTimes}, historys},
	{"checkin-to-nowhere", nil, "ours", []Assertion{OfServed}, historys},
	{"dead-in-rotation", nil, "ours", []Assertion{OfServed}, historys},
	{"wrong-name", nil, "ours", []Assertion{OfServed}, historys},
	{"herd", []string{"as many at once as there are cores"}, "V3", []Assertion{OfServed}, "it is about when the last is served, which is looked at: whatever is wrong with their starts, all are in the end"},
	{"stop-race", nil, "ours", []Assertion{OfServed, "the stop fails", "the next one does not open"}, historys},
	{"stop-race", []string{"the one that is stopped"}, "ours", []Assertion{OfServed}, "it is about the stop, which is looked at"},
	{"stop-race", nil, "V1", []Assertion{OfVerdict}, "the bug is that of the pool before it, whose name it can't have"},
	{"stop-race", nil, "V2-P3", []Assertion{OfVerdict}, "the bug is that of the pool before it, whose name it can't have"},
	{"hot-restart", nil, "ours", []Assertion{"starts that are hot", "callers told why"}, historys},
	{"started-is-not-ready", []string{"", "open once they said hello"}, "V3", []Assertion{OfTimes}, "that is the finding: the first call is answered after one start, whatever the pool calls open"},
	{"ready-before-hello", nil, "snakepit", []Assertion{OfServed}, "it is not about who is served: all of these pools serve both, and differ in when they send the calls"},
	{"nested-deadlines", []string{"a call before a check-out"}, "ours", []Assertion{OfTold}, "no bug of ours leaves a call without its own limit"},
	{"shared-names", nil, "ours", []Assertion{OfVerdict, OfServed}, "no bug of ours has two pools share anything: there is nothing that both could"},
}

// about says whether a reason is given of an assertion.
func (u Unfailing) about(finding, variant, subject string, of Assertion) bool {
	named := variant == "" && u.Variants == nil || slices.Contains(u.Variants, variant)
	return named && u.Finding == finding && u.Subject == subject && slices.Contains(u.Of, of)
}

// WhyUnfailing is the reason that the catalogue gives for an assertion which fails for
// no bug in its pool; "" if it gives none.
func WhyUnfailing(finding, variant, subject string, of Assertion) string {
	for _, u := range unfailing {
		if u.about(finding, variant, subject, of) {
			return u.Why
		}
	}
	return ""
}
