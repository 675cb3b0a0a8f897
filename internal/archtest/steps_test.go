package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"strconv"
	"testing"
)

// namers are the functions that take the name of a durable step, with the
// position of that argument: those of package workflow, and the step function
// with which a package names the steps of a family.
var namers = map[string]int{"Do": 1, "Tx": 1, "Sleep": 0, "step": 0}

// stepNames finds the step names that the code of some packages holds as
// literals. It follows a name that a function takes as a parameter, or finds in a
// field of one, to where the name is written down, also in another of them.
func stepNames(t *testing.T, packages []pkg) map[string]bool {
	t.Helper()
	s := &stepSearch{calls: maps.Clone(namers), fields: map[string]string{}, found: map[string]bool{}}
	files := map[string]*ast.File{}
	for _, p := range packages {
		maps.Copy(files, p.parsed(t))
	}
	for before := -1; before < len(s.calls)+len(s.fields); { // until nothing more is learned
		before = len(s.calls) + len(s.fields)
		for _, file := range files {
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok {
					s.function(f)
				}
			}
		}
	}
	return s.found
}

type stepSearch struct {
	calls  map[string]int    // functions that take a step's name, and where
	fields map[string]string // types that hold a step's name, and the field
	found  map[string]bool
}

func (s *stepSearch) function(f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if i, ok := s.calls[called(n)]; ok && i < len(n.Args) {
				s.name(f, n.Args[i])
			}
		case *ast.CompositeLit:
			s.literal(f, n)
		}
		return true
	})
}

// name takes in the expression that names a step in a function.
func (s *stepSearch) name(f *ast.FuncDecl, e ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			s.found[text] = true
		}
	case *ast.Ident:
		if i, _, ok := parameter(f, e.Name); ok && f.Name.Name != "step" {
			s.calls[f.Name.Name] = i
		}
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if _, typ, ok := parameter(f, x.Name); ok {
				s.fields[typ] = e.Sel.Name
			}
		}
	}
}

// literal takes in a composite literal of a type that holds a step's name. The
// name is its first field, or given with the field's name.
func (s *stepSearch) literal(f *ast.FuncDecl, lit *ast.CompositeLit) {
	if t, ok := lit.Type.(*ast.ArrayType); ok { // of literals without a type of their own
		for _, e := range lit.Elts {
			if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
				s.literal(f, &ast.CompositeLit{Type: t.Elt, Elts: inner.Elts})
			}
		}
	}
	field, ok := s.fields[typeName(lit.Type)]
	if !ok {
		return
	}
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
				s.name(f, kv.Value)
			}
		} else if i == 0 {
			s.name(f, e)
		}
	}
}

// called is the name of the function or method that a call calls.
func called(c *ast.CallExpr) string {
	switch fun := c.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// parameter finds a function's parameter: its position and its type's name.
func parameter(f *ast.FuncDecl, name string) (position int, typ string, ok bool) {
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return position, typeName(field.Type), true
			}
			position++
		}
	}
	return 0, "", false
}

// typeName is the name of a type, without its package; "" where it has none.
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.StarExpr:
		return typeName(t.X)
	}
	return ""
}
