package faults

import (
	"cmp"
	"fmt"
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
