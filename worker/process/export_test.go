//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/butfor/butfor/worker"
)

// Held says whether somebody keeps others from pausing a worker now.
func Held(p worker.Port) bool {
	own := p.(*port)
	if own.pausing.TryLock() {
		own.pausing.Unlock()
		return false
	}
	return true
}

// NewCgroupOf makes a cgroup as another program would have, and gives its folder.
func NewCgroupOf(t *testing.T, pid int) (dir string) {
	t.Helper()
	places, _, err := cgroupPlaces()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(places[0], fmt.Sprintf("%s%d-1-1", cgroupPrefix, pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	return dir
}
