package overlay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Package is one whose locks are swapped.
type Package struct {
	Path  string   `json:"package"` // that it is imported by
	Dir   string   `json:"dir"`
	Files []string `json:"files"` // those that import sync
	Locks int      `json:"locks"` // how often these name a Mutex, an RWMutex or a Once
}

// ours is the package with the swapped locks. Where it can't be imported, as the
// module that is built does not know butfor, that module appears to have it in place.
const (
	ours  = "github.com/butfor/butfor/harness/overlay/sync"
	place = "butfor_overlay/sync"
)

//go:embed sync/sync.go
var locks []byte

// A Swap is an overlay that was written, and what it does.
type Swap struct {
	File     string // for go build's flag -overlay
	Packages []Package
	// Adds is a package that the overlay adds to the module, "" if none: in a folder
	// that is not there, which go vet does not bear, so that go test needs -vet=off.
	Adds string
}

// Locks writes an overlay in which packages have locks that a bubble's time does
// not wait for, see the package sync beside this one. dir is a folder of the module
// that is to be built. patterns name the packages, as for go list; out is where all
// is written, "" a folder of this user's cache that is called by its content.
// Packages of the module cache, of which go build lets nobody replace a file, are
// copied, and replaced in the overlay's go.mod.
//
// An error that is about the packages is an ErrPackages.
func Locks(ctx context.Context, dir, out string, patterns []string) (made Swap, err error) {
	all, err := list(ctx, dir, patterns)
	if err != nil {
		return made, err
	}
	main, err := mainModule(ctx, dir)
	if err != nil {
		return made, err
	}
	texts, by := map[string][]byte{}, ours
	if _, err := command(ctx, dir, "list", "--", ours); err != nil {
		by = path.Join(main.Path, place)
		made.Adds = by
		texts[filepath.Join(main.Dir, filepath.FromSlash(place), "sync.go")] = locks
	}
	copies := map[string]*module{} // by their folders
	for _, p := range all {
		if p.ImportPath == ours {
			continue
		}
		s, err := p.swap(by, texts)
		if err != nil {
			return made, fmt.Errorf("%w: %w", ErrPackages, err)
		}
		if s.Locks == 0 {
			if slices.Contains(patterns, p.ImportPath) || !slices.ContainsFunc(patterns, wild) {
				return made, fmt.Errorf("%w: %s names no lock of package sync: there is nothing to swap", ErrPackages, p.ImportPath)
			}
			continue
		}
		made.Packages = append(made.Packages, s)
		if p.cached(main) {
			copies[p.Module.Dir] = p.Module
		}
	}
	if len(made.Packages) == 0 {
		return made, fmt.Errorf("%w: none that match %s names a lock of package sync", ErrPackages, strings.Join(patterns, " "))
	}
	if out == "" {
		if out, err = cached(texts); err != nil {
			return made, err
		}
	}
	if out, err = filepath.Abs(out); err != nil {
		return made, err
	}
	made.File, err = write(ctx, main, out, texts, slices.SortedFunc(maps.Values(copies), func(a, b *module) int { return cmp.Compare(a.Path, b.Path) }))
	return made, err
}

// ErrPackages is an error of those who name packages.
var ErrPackages = errors.New("overlay")

func wild(pattern string) bool { return strings.Contains(pattern, "...") }

// A module is what go list says of one.
type module struct {
	Path, Version, Dir, GoMod string
	Main                      bool
	Replace                   *module
}

// A listed is what go list says of a package.
type listed struct {
	Dir, ImportPath                                              string
	Standard                                                     bool
	Module                                                       *module
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
	Error                                                        *struct{ Err string }
}

// files are all of a package, its tests and those for other builds too.
func (p *listed) files() []string {
	return slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles)
}

// swap adds to texts what becomes of a package's files, if they name locks.
func (p *listed) swap(by string, texts map[string][]byte) (Package, error) {
	s := Package{Path: p.ImportPath, Dir: p.Dir}
	for _, name := range p.files() {
		text, n, err := swap(filepath.Join(p.Dir, name), by)
		if err != nil {
			return s, err
		}
		if n > 0 {
			texts[filepath.Join(p.Dir, name)] = text
			s.Files, s.Locks = append(s.Files, name), s.Locks+n
		}
	}
	return s, nil
}

// cached says whether a package is one whose files go build lets nobody replace.
func (p *listed) cached(main module) bool {
	return p.Module != nil && !p.Module.Main && p.Module.Version != "" && (p.Module.Replace == nil || p.Module.Replace.Version != "") &&
		!strings.HasPrefix(p.Dir, main.Dir+string(filepath.Separator)) // vendored
}

// list are the packages that patterns name.
func list(ctx context.Context, dir string, patterns []string) (all []*listed, err error) {
	stdout, err := command(ctx, dir, append([]string{"list", "-e", "-json", "--"}, patterns...)...)
	if errors.As(err, new(*exec.ExitError)) {
		return nil, fmt.Errorf("%w: %w", ErrPackages, err)
	} else if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(stdout)); ; {
		p := &listed{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		name := p.ImportPath
		switch {
		case p.Standard:
			return nil, fmt.Errorf("%w: %s is part of the standard library, which stays as it is", ErrPackages, name)
		case p.Error != nil && len(p.files()) == 0:
			return nil, fmt.Errorf("%w: %s: %s", ErrPackages, name, strings.TrimSpace(p.Error.Err))
		case name == "command-line-arguments":
			return nil, fmt.Errorf("%w: name packages, not files", ErrPackages)
		case p.Module == nil:
			return nil, fmt.Errorf("%w: %s belongs to no module", ErrPackages, name)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no package matches %s", ErrPackages, strings.Join(patterns, " "))
	}
	return all, nil
}

// mainModule is the one that is built; of a workspace's the first.
func mainModule(ctx context.Context, dir string) (m module, err error) {
	stdout, err := command(ctx, dir, "list", "-m", "-json")
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(stdout)).Decode(&m)
	}
	if err == nil && m.GoMod == "" {
		err = fmt.Errorf("%w: there is no go.mod in this folder or above it", ErrPackages)
	}
	return m, err
}

// command runs go, and gives what it prints.
func command(ctx context.Context, dir string, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Stderr = dir, &stderr
	stdout, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout, nil
}

// cached is a folder of this user's that is called by what goes into it.
func cached(texts map[string][]byte) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(texts[name]), texts[name])
	}
	return filepath.Join(dir, "butfor", "overlay", fmt.Sprintf("%x", sum.Sum(nil)[:8])), nil
}

// write writes the overlay below out. Modules in copies are copied to there, and
// replaced.
func write(ctx context.Context, main module, out string, texts map[string][]byte, copies []*module) (string, error) {
	inside := filepath.Join(out, "_files") // which ./... leaves out, should it be below a module
	o := New(string(filepath.Separator), inside)
	edit := []string{"mod", "edit", "-print"}
	for _, m := range copies {
		to := filepath.Join(out, "_modules", filepath.FromSlash(m.Path)+"@"+m.Version)
		if err := copyModule(m, to, texts); err != nil {
			return "", err
		}
		edit = append(edit, "-replace="+m.Path+"@"+m.Version+"="+to)
	}
	if len(copies) > 0 {
		text, err := command(ctx, main.Dir, append(edit, main.GoMod)...)
		if err != nil {
			return "", err
		}
		texts[main.GoMod] = text
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		rel, err := filepath.Rel(string(filepath.Separator), name)
		if err == nil {
			err = o.Add(rel, texts[name])
		}
		if err != nil {
			return "", err
		}
	}
	file, err := o.Write()
	if err != nil {
		return "", err
	}
	path := filepath.Join(out, "overlay.json")
	return path, os.Rename(file, path)
}

// copyModule copies a module's files. Those of texts are written as there, and
// taken out of it.
func copyModule(m *module, to string, texts map[string][]byte) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	err := filepath.WalkDir(m.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(m.Dir, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		}
		text, ours := texts[name]
		if delete(texts, name); !ours {
			if text, err = os.ReadFile(name); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o666)
	})
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(to, "go.mod")); errors.Is(err, fs.ErrNotExist) { // one from before there were any
		text, err := os.ReadFile(m.GoMod)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, "go.mod"), text, 0o666)
	}
	return nil
}
