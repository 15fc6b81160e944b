package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A trial is a test that plays faults in a world.
type trial struct {
	name, world string
	types       map[string]bool // of faults, in Go
	names       map[string]bool // texts, the names of faults among them
}

// size is how much else it is about.
func (t trial) size() int { return len(t.types) }

// trials finds the tests below the folder of the source code that play faults: what
// they and what they use say of package faults, and by which means they play it.
func trials(root string) (all []trial, err error) {
	for _, at := range []struct {
		folder string
		worlds map[string]string // by a function that plays
	}{
		{"faults", map[string]string{"tried": "virtual", "survives": "virtual", "played": "process", "unjudged": "process"}},
		{filepath.Join("suites", "container"), map[string]string{"scenarioOf": "container"}},
	} {
		paths, err := filepath.Glob(filepath.Join(root, at.folder, "*_test.go"))
		if err != nil {
			return nil, err
		}
		slices.Sort(paths)
		said := map[string]trial{}
		var order []string
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return nil, err
			}
			for _, d := range file.Decls {
				for name, node := range declared(d, filepath.Base(path)) {
					said[name] = mentioned(name, node)
					order = append(order, name)
				}
			}
		}
		slices.Sort(order)
		for _, name := range order {
			if !strings.HasPrefix(name, "Test") && !strings.HasSuffix(name, ".go") {
				continue
			}
			t := said[name]
			for _, used := range slices.Sorted(keys(t.names)) {
				if _, plays := at.worlds[used]; plays {
					continue
				}
				for of := range said[used].types {
					t.types[of] = true
				}
			}
			for by, world := range at.worlds {
				if t.names[by] {
					t.world = world
					all = append(all, t)
				}
			}
		}
	}
	return all, nil
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// declared are the functions and variables of a declaration, by name; _ has that of
// its file.
func declared(d ast.Decl, file string) map[string]ast.Node {
	all := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			all[d.Name.Name] = d
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					if name.Name == "_" {
						all[file] = v
					} else {
						all[name.Name] = v
					}
				}
			}
		}
	}
	return all
}

// mentioned is what a declaration names.
func mentioned(name string, node ast.Node) trial {
	t := trial{name: name, types: map[string]bool{}, names: map[string]bool{}}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "faults" {
				t.types[n.Sel.Name] = true
			}
		case *ast.Ident:
			t.names[n.Name] = true
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil {
				t.names[text] = true
			}
		}
		return true
	})
	return t
}
