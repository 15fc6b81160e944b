//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnOverlayIsWrittenAndNamed(t *testing.T) {
	const subjects = "../../harness/subject"
	out := t.TempDir()
	file := filepath.Join(out, "overlay.json")
	s := butfor(t, "overlay", "--out", out, subjects)
	if s.status != exitOK || s.stdout != file+"\n" || !strings.Contains(s.stderr, "github.com/butfor/butfor/harness/subject names a lock ") {
		t.Errorf("%+v", s)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "harness/subject/ours.go") {
		t.Errorf("%s, %v", text, err)
	}
	s = butfor(t, "overlay", "--json", "--out", out, subjects)
	all := objects(t, s.stdout)
	if s.status != exitOK || s.stderr != "" || len(all) != 1 || all[0]["overlay"] != file || all[0]["package"] != "github.com/butfor/butfor/harness/subject" || all[0]["locks"].(float64) < 2 {
		t.Errorf("%+v", s)
	}
}

func TestAnOverlayIsKeptByItsContentUnlessAFolderIsNamed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	first, second, other := butfor(t, "overlay", "../../pool/../harness/subject"), butfor(t, "overlay", "../../harness/subject"), butfor(t, "overlay", "../../worker/process")
	if first.status != exitOK || !strings.HasPrefix(first.stdout, os.Getenv("XDG_CACHE_HOME")) || second.stdout != first.stdout || other.stdout == first.stdout {
		t.Errorf("%+v\n%+v\n%+v", first, second, other)
	}
	if _, err := os.Stat(strings.TrimSpace(first.stdout)); err != nil {
		t.Error(err)
	}
}

func TestAnOverlayOfWhatHasNoLocksIsWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "overlay what?"},
		{[]string{"../../ci"}, "github.com/butfor/butfor/ci names no lock of package sync"},
		{[]string{"./nowhere"}, "nowhere"},
	} {
		s := butfor(t, append([]string{"overlay", "--out", t.TempDir()}, c.args...)...)
		if s.status != exitUsage || s.stdout != "" || !strings.Contains(s.stderr, c.want) {
			t.Errorf("%q: %+v", c.args, s)
		}
	}
}
