package faults

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"sync"
	"time"
)

// sources is what is said of the faults: in their files, above their types.
//
//go:embed *.go
var sources embed.FS

// An About is what is to be known of a fault.
type About struct {
	Name     string
	Type     string   // in Go
	Of       string   // what it is about: starts, calls, workers, the machine, callers
	Text     []string // paragraphs; the last says when it fires and where it can be used
	Settings []Setting
	// Unmodelled is why it can't be had in the world of models; "" if it can.
	Unmodelled string
	// Unrecorded is what of it no replay has; "" if a replay has it all.
	Unrecorded string
}

// A Setting is a field of a fault.
type Setting struct {
	Name string // as plans write it
	Unit string // what is written: a duration, an integer ...
	Text string
}

// Abouts says of each fault what is to be known, sorted by name.
var Abouts = sync.OnceValues(func() (all []About, err error) {
	types, err := typesIn(sources)
	if err != nil {
		return nil, err
	}
	for _, name := range Names() {
		a, err := aboutFault(name, types)
		if err != nil {
			return nil, fmt.Errorf("faults: %s: %w", name, err)
		}
		all = append(all, a)
	}
	return all, nil
})

// typesIn are the types of the sources that have a comment, by name.
func typesIn(files embed.FS) (map[string]*ast.GenDecl, error) {
	types := map[string]*ast.GenDecl{}
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE && g.Doc != nil {
				types[g.Specs[0].(*ast.TypeSpec).Name.Name] = g
			}
		}
	}
	return types, nil
}

func aboutFault(name string, types map[string]*ast.GenDecl) (a About, err error) {
	of := registered[name].of
	zero := reflect.Zero(of).Interface().(Fault)
	a = About{Name: name, Type: of.Name(), Of: string(about(zero))}
	if un, ok := zero.(Unmodelled); ok {
		a.Unmodelled = un.Unmodelled()
	}
	if un, ok := zero.(Unrecorded); ok {
		a.Unrecorded = un.Unrecorded()
	}
	g := types[of.Name()]
	if g == nil {
		return a, fmt.Errorf("nothing is said of type %s", of.Name())
	}
	text := strings.TrimPrefix(g.Doc.Text(), of.Name()+" ")
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		a.Text = append(a.Text, strings.Join(strings.Fields(p), " "))
	}
	for i, f := range g.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
		said := f.Comment.Text() + f.Doc.Text()
		if said == "" {
			return a, fmt.Errorf("nothing is said of its field %s", f.Names[0].Name)
		}
		key, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		said = strings.Join(strings.Fields(said), " ")
		a.Settings = append(a.Settings, Setting{Name: key, Unit: unit(of.Field(i).Type), Text: strings.TrimPrefix(said, of.Field(i).Name+" ")})
	}
	return a, nil
}

// unit is how values of a type are written.
func unit(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration, as 300ms"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "word"
	case t.Kind() == reflect.Float64:
		return "number"
	}
	return "integer"
}
