package judge

import (
	"fmt"
	"strings"
)

// likeness says why replays of this pool prove nothing: step 4. Under what it met, in
// at least one order of what happened at one moment, it must miss the same calls.
func (t *trial) likeness() []string {
	for _, frozen := range t.frozen {
		c, err := t.Again(frozen, seedsMost)
		if err != nil {
			return []string{"this pool can't be replayed: " + err.Error()}
		}
		if others := c.Others(); len(others) > 0 {
			return []string{fmt.Sprintf("in none of %d replays does this pool miss the same calls: it differs in %s", seedsMost, strings.Join(others, " "))}
		}
	}
	return nil
}
