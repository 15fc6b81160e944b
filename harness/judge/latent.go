package judge

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
)

// Latent says what this pool would miss at the corners of its contract where ideal
// ones do not. It is nil where that can't be played, and empty where it is nothing.
func Latent(c Case) []scenario.Latent {
	if c.Unknown != nil {
		return nil
	}
	found := []scenario.Latent{}
	for _, corner := range c.Met.Contract.Corners(c.Met) {
		best, err := c.Ideal(corner.Scenario)
		if err != nil || count(best, c.Met.Deadline).misses > 0 {
			continue
		}
		r, err := c.Play(corner.Scenario)
		if err != nil {
			return nil
		}
		if n := r.Misses(); n > 0 {
			calls := len(r.Calls())
			found = append(found, scenario.Latent{Corner: corner.Name, Missed: n, Calls: calls, Reason: fmt.Sprintf(
				"with %s %d of %d calls would miss the deadline of %s, with the best of %d ideal pools (%s) none",
				corner.Name, n, calls, short(c.Met.Deadline), best.Of, best.Name)})
		}
	}
	return found
}
