//go:build linux

package faults_test

import (
	"testing"

	"github.com/butfor/butfor/worker/process"
)

// needsQuota skips a test where no cgroup of ours can be made, with the reason.
func needsQuota(t *testing.T) {
	t.Helper()
	g, err := process.NewCgroup()
	if err != nil {
		t.Skip(err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}
