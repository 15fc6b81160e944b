// Package python has the Python worker: its source, embedded, and the way to
// put it where an interpreter can run it. Starting one and talking to it belong
// to worker and its launchers.
package python

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

//go:embed butfor_worker/*.py
var embedded embed.FS

const (
	packageName = "butfor_worker" // the name under which its modules import each other
	bytecode    = "__pycache__"   // Python's own; it checks what is in there against the source
)

// Unfold puts the worker's package on disk, unless it is there already, and
// returns the package's own folder, an absolute path. What to run is
//
//	python3 <dir>/__main__.py   the fastest start
//	python3 <dir>               3 ms slower
//
// It lies in the user's cache folder, or, where that cannot be used, in a
// folder of this user's under [os.TempDir]; its name contains a hash of the
// content, so versions do not meet. A folder in which another user could plant
// code is not used. The last resort is a fresh private folder, one for this
// process, which stays behind and where each program pays anew for compiling.
// The error names every path that was tried and why it would not do.
//
// Each call compares the folder with the embedded source and mends what is
// missing, cut short, changed or added, each file at one stroke: a worker that
// is being started meanwhile never sees half of one. The folder can be written
// to, so Python keeps the bytecode beside the source from the first start on.
//
// Any number of goroutines and processes may call it at the same time.
func Unfold() (dir string, err error) {
	files := source()
	var reasons error
	// Best first; each makes its folder and vouches for it.
	for _, place := range []func() (string, error){cache, temp, private} {
		root, err := place()
		if err == nil {
			dir = filepath.Join(root, hash(files), packageName)
			err = mend(dir, files)
		}
		if err == nil {
			keep(root)
			return dir, nil
		}
		if reasons != nil {
			err = fmt.Errorf("%w; %w", reasons, err)
		}
		reasons = err
	}
	forget()
	return "", fmt.Errorf("python worker: no folder to unfold it into: %w", reasons)
}

// source returns the worker's files by name.
func source() map[string][]byte {
	files := map[string][]byte{}
	entries, err := embedded.ReadDir(packageName)
	for _, entry := range entries {
		if err == nil {
			files[entry.Name()], err = embedded.ReadFile(packageName + "/" + entry.Name())
		}
	}
	if err != nil {
		panic(err) // the embedded files are part of this program
	}
	return files
}

// hash names a content: names and bytes, and where one ends and the next begins.
func hash(files map[string][]byte) string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		fmt.Fprintf(sum, "%q %d\n", name, len(files[name]))
		sum.Write(files[name])
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}

func cache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return safe(filepath.Join(dir, "butfor"), true)
}

func temp() (string, error) {
	return safe(filepath.Join(os.TempDir(), fmt.Sprintf("butfor-%d", os.Geteuid())), true)
}

var once struct {
	sync.Mutex
	root  string // this process's private folder; "" before there is one
	whole bool   // it has held a whole package: workers may run from it
}

// keep notes that a folder holds a whole package.
func keep(root string) {
	once.Lock()
	defer once.Unlock()
	once.whole = once.whole || root == once.root
}

// forget removes a private folder that never held one, as on a full disk.
func forget() {
	once.Lock()
	defer once.Unlock()
	if once.root != "" && !once.whole {
		_ = os.RemoveAll(once.root)
		once.root = ""
	}
}

func private() (string, error) {
	once.Lock()
	defer once.Unlock()
	if once.root == "" {
		root, err := os.MkdirTemp("", "butfor-")
		if err != nil {
			return "", err
		}
		once.root = root
	}
	// What lies above is not asked for: nobody could know the name before, and
	// there is nothing better to fall back to.
	return safe(once.root, false)
}

// safe makes the folder if need be, and returns its real path if nobody but
// this user (and root) can write there. With above, nobody but them may be able
// to put another folder in its place either.
func safe(dir string, above bool) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return "", err
		}
		owner := info.Sys().(*syscall.Stat_t).Uid
		if owner != uint32(os.Geteuid()) && owner != 0 {
			return "", fmt.Errorf("%s: %s belongs to user %d", dir, at, owner)
		}
		shared := info.Mode().Perm()&0o022 != 0
		sticky := info.Mode()&fs.ModeSticky != 0 // what lies in there can be replaced by its owner alone
		if shared && (at == dir || !sticky) {
			return "", fmt.Errorf("%s: others may write to %s (mode %s)", dir, at, info.Mode())
		}
		if !above || at == filepath.Dir(at) {
			return dir, nil
		}
	}
}

// mend makes dir hold these files and, bytecode apart, nothing else. Several may
// do so at once: they write the same bytes, and what is right is not touched.
func mend(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		_, ours := files[entry.Name()]
		// A folder codec/ or a library codec.so would be imported in place of
		// codec.py; a symlink leads to what somebody else may change.
		if ours && entry.Type().IsRegular() || entry.Name() == bytecode && entry.IsDir() {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	for name, want := range files {
		path := filepath.Join(dir, name)
		have, err := os.ReadFile(path)
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		missing := errors.Is(err, fs.ErrNotExist)
		if err := replace(path, want); err != nil {
			return err
		}
		if missing {
			continue
		}
		// Python knows bytecode to be of a source by its time in seconds and
		// its size, which the wrong source may have had in common with ours.
		if err := os.RemoveAll(filepath.Join(dir, bytecode)); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file at one stroke. What a crash leaves lies outside of the
// package.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(filepath.Dir(path)), "new-")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
