// Package overlay makes overlays for go build: files that it sees in place of
// others, so that code can be changed for one build and stays as it is on disk.
// What is built with an overlay, and why, belongs elsewhere.
package overlay

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
)

// An Overlay is files that go build is to see in place of others, or where there
// are none. It is for one goroutine.
type Overlay struct {
	root, dir string
	replace   map[string]string
}

// New begins an overlay for files below root; what it needs it keeps below dir.
// Both must be absolute.
func New(root, dir string) *Overlay {
	return &Overlay{root: root, dir: dir, replace: map[string]string{}}
}

// Add has go build see a text as the file of that path below root.
func (o *Overlay) Add(rel string, text []byte) error {
	to := filepath.Join(o.dir, rel)
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	o.replace[filepath.Join(o.root, rel)] = to
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, text) { // somebody may be building with it
		return nil
	}
	return os.WriteFile(to, text, 0o666)
}

// Write writes the file that go build's flag -overlay asks for, and gives its path.
func (o *Overlay) Write() (path string, err error) {
	text, err := json.MarshalIndent(map[string]any{"Replace": o.replace}, "", "  ")
	if err != nil {
		return "", err
	}
	path = filepath.Join(o.dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o666)
}
