package judge

import (
	"fmt"
)

// Latent says, each in a sentence, what this pool would miss at the corners of its
// contract where ideal ones do not: not of the run, but of what it did not happen to
// meet. It is nil where that can't be played.
func Latent(c Case) (found []string) {
	if c.Unknown != nil {
		return nil
	}
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
			found = append(found, fmt.Sprintf("with %s %d of %d calls would miss the deadline of %s, with the best of %d ideal pools (%s) none",
				corner.Name, n, len(r.Calls()), short(c.Met.Deadline), best.Of, best.Name))
		}
	}
	return found
}
