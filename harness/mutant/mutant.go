// Package mutant puts bugs into the code on purpose, so that it can be seen
// whether they are found. A mutant is a patch in ci/mutants, applied by the
// overlay of go build, so that the code itself stays clean. What is built with an
// overlay, and what must find the bug, belongs elsewhere.
package mutant

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/butfor/butfor/harness/overlay"
)

// Folder is where the patches are, below the module's root.
const Folder = "ci/mutants"

// A Mutant is a bug as a patch. Its file begins with lines like those of a
// letter's head, and a blank one; then comes the patch, as git diff writes it:
//
//	Bug: Checkout looks at the idle workers, lets go of the lock, and then
//	 takes one.
//	Killed-By: ./pool TestThePoolKeepsToItsModel
//	Alone: why it is not put beside others, if it is not
//
//	--- a/pool/pool.go
//	+++ b/pool/pool.go
//	…
type Mutant struct {
	Name     string // of its file, without the extension
	Bug      string // what is wrong with it
	KilledBy []Test // what finds it, built with the tag butfor_points; each alone does
	Alone    string // why it is put into a program for itself; "": it can be beside others
	files    []*gitdiff.File
}

// A Test is one that must fail.
type Test struct{ Package, Name string }

// All reads the mutants of a module, by name.
func All(root string) ([]Mutant, error) {
	paths, err := filepath.Glob(filepath.Join(root, Folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no patch in %s", filepath.Join(root, Folder))
	}
	var all []Mutant
	var errs []error
	for _, path := range paths {
		m, err := Find(root, strings.TrimSuffix(filepath.Base(path), ".patch"))
		all, errs = append(all, m), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// Find reads the mutant of a name.
func Find(root, name string) (Mutant, error) {
	text, err := os.ReadFile(filepath.Join(root, Folder, name+".patch"))
	if err != nil {
		return Mutant{}, fmt.Errorf("mutant %s: %w", name, err)
	}
	return Parse(name, text)
}

// Parse reads one mutant.
func Parse(name string, text []byte) (Mutant, error) {
	m := Mutant{Name: name}
	bad := func(err error) (Mutant, error) { return m, fmt.Errorf("mutant %s: %w", name, err) }
	in := bufio.NewReader(bytes.NewReader(text))
	head, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return bad(fmt.Errorf("its head can't be read: %w", err))
	}
	for key := range head {
		if key != "Bug" && key != "Killed-By" && key != "Alone" {
			return bad(fmt.Errorf("its head says %s, which nobody reads", key))
		}
	}
	if m.Bug = head.Get("Bug"); m.Bug == "" {
		return bad(errors.New("it does not say what its Bug is"))
	}
	m.Alone = head.Get("Alone")
	for _, line := range head["Killed-By"] {
		pkg, test, ok := strings.Cut(line, " ")
		if !ok {
			return bad(fmt.Errorf("Killed-By is %q: it must name a package and a test", line))
		}
		m.KilledBy = append(m.KilledBy, Test{pkg, test})
	}
	if m.files, _, err = gitdiff.Parse(in); err != nil {
		return bad(err)
	}
	if len(m.files) == 0 {
		return bad(errors.New("it has no patch"))
	}
	for _, f := range m.files {
		if f.IsBinary || f.IsDelete || f.IsRename || f.IsCopy || !filepath.IsLocal(f.NewName) {
			return bad(fmt.Errorf("%s: a mutant changes text files, or adds some, of the module alone", f.NewName))
		}
	}
	return m, nil
}

// Overlay applies a mutant to the module at root, and writes what becomes of its
// files into dir, with the file that go build's flag -overlay asks for, whose
// path it gives. A patch that does not apply any more is an error.
func (m Mutant) Overlay(root, dir string) (path string, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	texts, err := m.patched(root)
	if err != nil {
		return "", err
	}
	o := overlay.New(root, dir)
	for rel, text := range texts {
		if err := o.Add(rel, text); err != nil {
			return "", err
		}
	}
	return o.Write()
}

// patched is what becomes of the module's files, by their paths in it.
func (m Mutant) patched(root string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, f := range m.files {
		text, err := os.ReadFile(filepath.Join(root, f.NewName))
		if f.IsNew != errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("mutant %s: new file %v, but %s is there: %v", m.Name, f.IsNew, f.NewName, err == nil)
		} else if err != nil && !f.IsNew {
			return nil, fmt.Errorf("mutant %s: %w", m.Name, err)
		}
		if texts[filepath.FromSlash(f.NewName)], err = apply(f, text); err != nil {
			return nil, fmt.Errorf("mutant %s no longer applies to %s: %w", m.Name, f.NewName, err)
		}
	}
	return texts, nil
}

// apply gives a file's text with a patch applied. The lines that the patch keeps
// or takes away must stand there, once; where, is not asked, so that an edit
// above them breaks no patch.
func apply(f *gitdiff.File, text []byte) ([]byte, error) {
	moved := *f
	moved.TextFragments = nil
	lines := slices.Collect(strings.Lines(string(text)))
	for n, fragment := range f.TextFragments {
		here := *fragment
		if here.OldLines > 0 {
			at := places(lines, before(fragment))
			if len(at) != 1 {
				return nil, fmt.Errorf("the lines of its hunk %d stand there %d times, not once", n+1, len(at))
			}
			here.OldPosition = int64(at[0]) + 1
		}
		moved.TextFragments = append(moved.TextFragments, &here)
	}
	slices.SortFunc(moved.TextFragments, func(a, b *gitdiff.TextFragment) int { return int(a.OldPosition - b.OldPosition) })
	var out bytes.Buffer
	err := gitdiff.Apply(&out, bytes.NewReader(text), &moved)
	return out.Bytes(), err
}

// before is what a hunk expects to find.
func before(f *gitdiff.TextFragment) (lines []string) {
	for _, l := range f.Lines {
		if l.Op != gitdiff.OpAdd {
			lines = append(lines, l.Line)
		}
	}
	return lines
}

// places are the indices at which some lines stand among others.
func places(lines, some []string) (at []int) {
	for i := 0; i+len(some) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(some)], some) {
			at = append(at, i)
		}
	}
	return at
}
