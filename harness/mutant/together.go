package mutant

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/butfor/butfor/harness/overlay"
)

// Where things are in the module.
const (
	poolDir    = "pool"
	subjectDir = "harness/subject"
	oursFile   = "ours.go"    // how our pool is put on trial
	listFile   = "mutants.go" // of subject: what the program has built in
	modulePath = "github.com/butfor/butfor/"
)

// Together writes into dir what has all mutants of our pool side by side in one
// program, and gives the file that go build's flag -overlay asks for: each has a
// copy of package pool for itself, with its patch applied, and one of the code that
// makes a subject of it. subject.Mutants of that program has them all. The module
// at root stays as it is. A patch that does not apply any more is an error.
func Together(root, dir string, mutants []Mutant) (path string, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	sources, err := filepath.Glob(filepath.Join(root, poolDir, "*.go"))
	if err != nil {
		return "", err
	}
	ours, err := os.ReadFile(filepath.Join(root, subjectDir, oursFile))
	if err != nil {
		return "", err
	}
	o := overlay.New(root, dir)
	for _, m := range mutants {
		patched, err := m.patched(root)
		if err != nil {
			return "", err
		}
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			rel := filepath.Join(poolDir, filepath.Base(source))
			text, ill := patched[rel]
			if delete(patched, rel); !ill {
				if text, err = os.ReadFile(source); err != nil {
					return "", err
				}
			}
			if err := o.Add(filepath.Join(m.dir(), filepath.Base(source)), text); err != nil {
				return "", err
			}
		}
		for rel := range patched {
			return "", fmt.Errorf("mutant %s changes %s: beside others it can change package pool alone", m.Name, rel)
		}
		text, err := m.subject(ours)
		if err != nil {
			return "", fmt.Errorf("mutant %s: %w", m.Name, err)
		}
		if err := o.Add(filepath.Join(subjectDir, "ours_"+m.goName()+".go"), text); err != nil {
			return "", err
		}
	}
	if err := o.Add(filepath.Join(subjectDir, listFile), list(mutants)); err != nil {
		return "", err
	}
	return o.Write()
}

// goName is the mutant's name as a part of one in Go.
func (m Mutant) goName() string { return strings.ReplaceAll(m.Name, "-", "_") }

// dir is where its copy of package pool appears to be.
func (m Mutant) dir() string { return filepath.Join(poolDir, "mutants", m.goName()) }

// subject is the code that makes a subject of our pool, for the mutant: with its
// own copy of the pool, and a name of its own for whatever it declares.
func (m Mutant) subject(ours []byte) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, oursFile, ours, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			own[d.Name.Name] = own[d.Name.Name] || d.Recv == nil
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					own[s.Name.Name] = true
				}
			}
		}
	}
	for _, i := range file.Imports {
		if i.Path.Value == strconv.Quote(modulePath+poolDir) {
			i.Path.Value = strconv.Quote(modulePath + filepath.ToSlash(m.dir()))
		}
	}
	selected := map[*ast.Ident]bool{} // of something else, whatever it is called
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			selected[n.Sel] = true
		case *ast.Ident:
			if own[n.Name] && !selected[n] {
				n.Name += "_" + m.goName()
			}
		}
		return true
	})
	var b bytes.Buffer
	err = format.Node(&b, set, file)
	return b.Bytes(), err
}

// list is subject's file that says which mutants there are.
func list(mutants []Mutant) []byte {
	var b bytes.Buffer
	b.WriteString("package subject\n\nfunc Mutants() (all []Subject) {\n")
	for _, m := range mutants {
		fmt.Fprintf(&b, "s_%s := Ours_%[1]s()\ns_%[1]s.Name = %q\nall = append(all, s_%[1]s)\n", m.goName(), m.Name)
	}
	b.WriteString("return all\n}\n")
	return b.Bytes()
}
