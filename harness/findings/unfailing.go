package findings

// An Unfailing is an assertion that comes out as claimed whatever bug is put into its
// pool, or whichever of the finding's pools is put in its place, and stands in the
// catalogue all the same.
type Unfailing struct {
	Finding, Variant, Subject string // the latter two are "" where it is about several cases
	Of                        Assertion
	Why                       string
}

// unfailing are those of the catalogue. A reason that is no longer needed is an error of
// butfor mutate.
var unfailing = []Unfailing{
	{"self-made-contention", "", "herd", "the herd's starts ask for as much", "what a start asks for is its worker's matter, not the pool's: it says that the waiting grows, and so what the machine does"},
	{"global-pool-conflict", "", "herd", "both ask for as much CPU", "what a start asks for is its worker's matter, not the pool's: it says that the waiting grows, and so what the machine does"},
	{"global-pool-conflict", "", "ours", "the first pool serves all", "whoever opens first is hurt by nobody: it is there to be in the way of the second"},
	{"workload-pools", "two pools", "V2-seed", "quick calls", "that is the finding: where all calls are quick they wait for nobody, whichever pool it is"},
	{"workload-pools", "two pools", "ours", "quick calls", "that is the finding: where all calls are quick they wait for nobody, whichever pool it is"},
	{"config-never-read", "", "", "ours with pool_size: another run than without", "no bug of ours takes no notice of its size; how many are served, which is looked at too, would tell"},
	{"config-never-read", "", "", "ours with all four: another run than without", "no bug of ours takes no notice of its size; how many are served, which is looked at too, would tell"},
	{"silenced-detector", "", "", "the detector max < 2 × average", "that is the finding: it never alarms"},
	{"silenced-detector", "", "", "the detector max < 5 × average", "that is the finding: it never alarms"},
	{"orphan-spin", "", "ours", OfServed, "it is not about who is served: all of these pools serve both, and differ in what they leave behind"},
	{"degraded-is-death", "", "ours", OfServed, "it is about when the next caller is served, which is looked at"},
	{"session-leak", "", "ours", OfServed, "it is not about who is served: all of these pools serve all, and differ in what they leave behind"},
	{"counter-overwritten", "", "ours", OfVerdict, "it is about what a pool counts, which ours does not: it stands beside the others"},
	{"counter-overwritten", "", "ours", OfServed, "it is about what a pool counts, which ours does not: it stands beside the others"},
	{"started-is-not-ready", "", "V3", OfTimes, "that is the finding: the first call is answered after one start, whatever the pool calls open"},
	{"deaf-start", "a check-in", "ours", OfServed, "it is about when they are served, which is looked at"},
	{"slow-goodbye", "6 idle workers stopped", "ours", OfVerdict, "it is about the pool that is stopped before this one, which is looked at between the cases"},
	{"slow-goodbye", "6 idle workers stopped", "ours", OfServed, "it is about the pool that is stopped before this one, which is looked at between the cases"},
	{"shutdown-ignored", "6 idle workers stopped", "ours", OfVerdict, "it is about the pool that is stopped before this one, which is looked at between the cases"},
	{"shutdown-ignored", "6 idle workers stopped", "ours", OfServed, "it is about the pool that is stopped before this one, which is looked at between the cases"},
	{"global-pool-conflict", "alone", "herd", OfServed, "it is about when they are ready beside another herd, which is looked at between the cases: alone all are served"},
	{"herd", "as many at once as there are cores", "V3", OfServed, "it is about when the last is served, which is looked at: whatever is wrong with their starts, all are in the end"},
}

// WhyUnfailing is the reason that the catalogue gives for an assertion which fails for
// no change of the pool; "" if it gives none.
func WhyUnfailing(finding, variant, subject string, of Assertion) string {
	for _, u := range unfailing {
		if u.Finding == finding && u.Variant == variant && u.Subject == subject && u.Of == of {
			return u.Why
		}
	}
	return ""
}
