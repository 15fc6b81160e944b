package overlay

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
)

// swap is a Go file's text with another package in the place of sync, and how
// often it names a lock; nil if never. No line moves but those of imports, and of
// these none but as gofmt sorts them.
func swap(name, by string) (swapped []byte, locks int, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, 0, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, 0, err
	}
	swapped = slices.Clone(text)
	for _, i := range slices.Backward(file.Imports) {
		if i.Path.Value != `"sync"` && i.Path.Value != "`sync`" {
			continue
		}
		called, path := "sync", strconv.Quote(by)
		if i.Name != nil {
			called = i.Name.Name
		} else {
			path = called + " " + path
		}
		from := set.Position(i.Path.Pos()).Offset
		swapped = slices.Replace(swapped, from, from+len(i.Path.Value), []byte(path)...)
		locks += named(file, called)
	}
	if locks == 0 {
		return nil, 0, nil
	}
	if before, err := format.Source(text); err == nil && bytes.Equal(before, text) {
		if swapped, err = format.Source(swapped); err != nil {
			return nil, 0, err
		}
	}
	return swapped, locks, nil
}

// named is how often a file names a lock of package sync, by what it calls that.
func named(file *ast.File, called string) (n int) {
	isLock := func(id *ast.Ident) bool { return id.Name == "Mutex" || id.Name == "RWMutex" || id.Name == "Once" }
	selected := map[*ast.Ident]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			selected[node.Sel] = true
			if of, ok := node.X.(*ast.Ident); ok && of.Name == called && isLock(node.Sel) {
				n++
			}
		case *ast.Ident:
			if called == "." && !selected[node] && isLock(node) {
				n++
			}
		}
		return true
	})
	return n
}
