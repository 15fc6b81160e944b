package faults

import (
	"cmp"
	"fmt"
	"time"
)

// between says what can't be of a setting.
func between[T cmp.Ordered](name string, is, least, most T) error {
	if !(is >= least && is <= most) { // NaN too
		return fmt.Errorf("%s is %v: it must be from %v to %v", name, is, least, most)
	}
	return nil
}

func checkNth(nth int) error {
	if nth < 0 {
		return fmt.Errorf("nth is %d: calls are counted from 1; 0 means any", nth)
	}
	return nil
}

func checkAfter(after time.Duration) error { return between("after", after, 0, mostDemand) }

// exitStatus tells an end that a fault brought about from those by a port's end
// (0), a bad start (1 to 3) or a kill. It is BSD's for an error in the program.
const exitStatus = 70

func checkStatus(status int) error {
	if status < 0 || status > 255 {
		return fmt.Errorf("status is %d: it must be an exit status from 1 to 255, or 0, which means %d", status, exitStatus)
	}
	return nil
}

func checkExit(nth, status int) error {
	if err := checkNth(nth); err != nil {
		return err
	}
	return checkStatus(status)
}
