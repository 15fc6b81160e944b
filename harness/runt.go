package harness

import (
	"testing"

	"github.com/butfor/butfor/harness/scenario"
)

// RunT runs a scenario in a test and fails it if the verdict is anything but
// sound, with the reason; an error of the lab itself ends the test. The result
// is there to be looked at further.
func RunT(t *testing.T, sc Scenario) Result {
	t.Helper()
	result := TryT(t, sc)
	if result.Word != scenario.Sound {
		t.Errorf("butfor: %s: %s", result.Word, result.Reason)
	}
	return result
}

// TryT is RunT for a test that makes up its own mind about the verdict.
func TryT(t *testing.T, sc Scenario) Result {
	t.Helper()
	if sc.Name == "" {
		sc.Name = t.Name()
	}
	result, err := runIn(t.Context(), t, sc)
	if err != nil {
		t.Fatalf("butfor: %v", err)
	}
	return result
}
