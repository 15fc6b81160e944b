package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A trial is a test that plays faults in a world.
type trial struct {
	name, world string          // a spec's is its text
	types       map[string]bool // of faults, in Go
	names       map[string]bool // texts, the names of faults among them
}

// size is how much else it is about.
func (t trial) size() int { return len(t.types) }

// trials finds the tests below the folder of the source code that play faults.
func trials(root string) ([]trial, error) {
	tests, err := declarations(filepath.Join(root, "faults"))
	if err != nil {
		return nil, err
	}
	suite, err := declarations(filepath.Join(root, "suites", "container"))
	if err != nil {
		return nil, err
	}
	return append(testTrials(tests), specs(suite)...), nil
}

// declarations are the functions and variables of a folder's tests.
func declarations(folder string) (all []declaration, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			all = append(all, declared(d)...)
		}
	}
	return all, nil
}

// plays are the functions of package faults' tests that play a scenario, and in which
// world.
var plays = map[string]string{"tried": "virtual", "survives": "virtual", "played": "process", "unjudged": "process"}

// testTrials are the tests that play faults: those that they and what they use name.
func testTrials(all []declaration) (played []trial) {
	said := map[string]trial{}
	for _, d := range all {
		said[d.name] = mentioned(d.name, d.node)
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if !strings.HasPrefix(name, "Test") {
			continue
		}
		t := said[name]
		for used := range maps.Clone(t.names) {
			if plays[used] == "" {
				maps.Copy(t.types, said[used].types)
			}
		}
		for by, world := range plays {
			if t.names[by] {
				t.world = world
				played = append(played, t)
			}
		}
	}
	return played
}

// specs are the specs of the container world that play faults in a scenario, and entries
// of tables of such; those that are pending are none.
func specs(all []declaration) (played []trial) {
	spec := func(text string, node ast.Node) {
		t := mentioned(text, node)
		t.world = "container"
		played = append(played, t)
	}
	for _, d := range all {
		ast.Inspect(d.node, func(n ast.Node) bool {
			call, of, text := called(n)
			if of != "It" && of != "DescribeTable" || !mentioned("", call).names["scenarioOf"] {
				return true
			}
			if of == "It" {
				spec(text, call)
			}
			for _, arg := range call.Args {
				if entry, of, which := called(arg); of == "Entry" {
					spec(text+" "+which, entry)
				}
			}
			return true
		})
	}
	return played
}

// called is a call of a function whose first argument is a text.
func called(n ast.Node) (call *ast.CallExpr, of, text string) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return nil, "", ""
	}
	name, ok := call.Fun.(*ast.Ident)
	said, is := call.Args[0].(*ast.BasicLit)
	if !ok || !is {
		return nil, "", ""
	}
	text, _ = strconv.Unquote(said.Value)
	return call, name.Name, text
}

// A declaration is a function or a variable.
type declaration struct {
	name string
	node ast.Node
}

func declared(d ast.Decl) (all []declaration) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			all = append(all, declaration{d.Name.Name, d})
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					all = append(all, declaration{name.Name, v})
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
