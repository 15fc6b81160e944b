//go:build linux

// Package leftover checks that tests leave nothing behind: no goroutine, and
// no process that they started. It is for tests alone.
package leftover

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/butfor/butfor/worker/process"
)

// Main runs a package's tests from its TestMain, and fails them if something is
// left once they are through.
func Main(m *testing.M) {
	code := m.Run()
	if err := Check(); err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// patience is how long what is about to end may take.
const patience = 2 * time.Second

// Check says what is left of this program's goroutines and workers.
func Check(ignore ...goleak.Option) error {
	if err := goleak.Find(ignore...); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left, err := process.Census(process.Token(), "")
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v", left)
		}
	}
}
