package shopify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// TestSchema holds the documents against Shopify's own schema, and its rules
// for bulk operations as far as they are written down.
func TestSchema(t *testing.T) {
	t.Parallel()
	schema, scopes := realSchema(t)
	t.Run("documents are valid", func(t *testing.T) {
		t.Parallel()
		testDocuments(t, schema, scopes)
	})
	t.Run("what Shopify would refuse is seen", func(t *testing.T) {
		t.Parallel()
		testRules(t, schema)
	})
}

func testDocuments(t *testing.T, schema *ast.Schema, scopes map[string][]string) {
	documents, err := loadDocuments()
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) != 17 {
		t.Errorf("%d documents are embedded, want 17", len(documents))
	}
	for _, granted := range [][]string{required, append([]string{"read_customers"}, required...)} {
		for name, source := range documents {
			text := assemble(source, func(scope string) bool { return slices.Contains(granted, scope) })
			for _, fault := range faults(schema, text, strings.HasPrefix(text, "{")) {
				t.Errorf("%s with %v: %s", name, granted, fault)
			}
			for _, field := range fieldsOf(schema, text) {
				if needs := scopes[field]; len(needs) > 0 && !slices.ContainsFunc(needs, func(s string) bool { return slices.Contains(granted, s) }) {
					t.Errorf("%s with %v asks for %s, which needs one of %v", name, granted, field, needs)
				}
			}
		}
	}
}

// fieldsOf returns the types that a document touches, and their fields as
// Type.field.
func fieldsOf(schema *ast.Schema, text string) []string {
	doc, err := gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules())
	if err != nil {
		return nil
	}
	var names []string
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				names = append(names, s.ObjectDefinition.Name+"."+s.Name, s.Definition.Type.Name())
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				names = append(names, s.TypeCondition)
				walk(s.SelectionSet)
			}
		}
	}
	walk(doc.Operations[0].SelectionSet)
	return names
}

func testRules(t *testing.T, schema *ast.Schema) {
	for name, test := range map[string]struct{ text, want string }{
		"a field that does not exist": {
			`{ orders { edges { node { id colour } } } }`, `Cannot query field "colour"`,
		},
		"a deprecated field": {
			`{ currentBulkOperation { id } }`, `currentBulkOperation is deprecated`,
		},
		"no connection": {
			`{ shop { id } }`, "no connection",
		},
		"a connection inside a list": {
			`{ orders { edges { node { id refunds { refundLineItems { edges { node { id } } } } } } } }`,
			"refundLineItems is a connection inside a list",
		},
		"a nested connection below an object without id": {
			`{ orders { edges { node { name lineItems { edges { node { id } } } } } } }`,
			"lineItems hangs below an object without its id",
		},
		"three levels below the root": {
			`{ collections { edges { node { id products { edges { node { id variants { edges { node { id metafields { edges { node { id } } } } } } } } } } } } }`,
			"metafields is nested 3 deep",
		},
		"nodes in place of edges": {
			`{ orders { nodes { id } } }`, "selects nodes",
		},
		"six connections": {
			`{ products { edges { node { id variants { edges { node { id } } } media { edges { node { id } } } collections { edges { node { id } } } metafields { edges { node { id } } } events { edges { node { id } } } } } } }`,
			"6 connections",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := faults(schema, test.text, true)
			if !strings.Contains(strings.Join(got, "; "), test.want) {
				t.Errorf("faults are %q, want one with %q", got, test.want)
			}
		})
	}
}

// faults returns what Shopify would refuse in a document, and what it
// deprecates.
func faults(schema *ast.Schema, text string, bulk bool) []string {
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, e := range validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()) {
		found = append(found, e.Error())
	}
	if len(doc.Operations) != 1 {
		return append(found, "not one operation")
	}
	if len(found) > 0 {
		return found
	}
	r := &ruler{}
	r.walk(doc.Operations[0].SelectionSet, place{})
	if !bulk {
		r.bulk = nil
	} else if r.connections == 0 || r.connections > 5 {
		r.bulk = append(r.bulk, fmt.Sprintf("%d connections: no connection, or more than 5", r.connections))
	}
	return append(r.deprecated, r.bulk...)
}

type ruler struct {
	connections      int
	deprecated, bulk []string
}

// place is where a selection stands: how many connections it is in, whether
// the innermost node selects its id, and whether a list lies in between.
type place struct {
	depth          int
	hasID, inaList bool
}

func (r *ruler) walk(set ast.SelectionSet, at place) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			r.walk(sel.SelectionSet, at)
		case *ast.Field:
			r.field(sel, at)
		}
	}
}

func (r *ruler) field(f *ast.Field, at place) {
	if f.Definition == nil {
		return
	}
	if f.Definition.Directives.ForName("deprecated") != nil {
		r.deprecated = append(r.deprecated, f.Name+" is deprecated")
	}
	for _, a := range f.Arguments {
		if d := f.Definition.Arguments.ForName(a.Name); d != nil && d.Directives.ForName("deprecated") != nil {
			r.deprecated = append(r.deprecated, f.Name+"("+a.Name+":) is deprecated")
		}
	}
	typ := f.Definition.Type
	switch {
	case strings.HasSuffix(typ.Name(), "Connection"):
		r.connection(f, at)
		at = place{depth: at.depth + 1}
	case f.Name == "edges":
	case f.Name == "node":
		at.hasID = slices.ContainsFunc(f.SelectionSet, func(s ast.Selection) bool {
			id, ok := s.(*ast.Field)
			return ok && id.Name == "id" && id.Alias == "id"
		})
	case typ.Elem != nil:
		at.inaList = true
	}
	r.walk(f.SelectionSet, at)
}

func (r *ruler) connection(f *ast.Field, at place) {
	r.connections++
	for _, s := range f.SelectionSet {
		if s, ok := s.(*ast.Field); ok && s.Name != "edges" {
			r.bulk = append(r.bulk, f.Name+" selects "+s.Name)
		}
	}
	if at.depth > 2 {
		r.bulk = append(r.bulk, fmt.Sprintf("%s is nested %d deep", f.Name, at.depth))
	}
	if at.inaList {
		r.bulk = append(r.bulk, f.Name+" is a connection inside a list")
	}
	if at.depth > 0 && !at.hasID {
		r.bulk = append(r.bulk, f.Name+" hangs below an object without its id")
	}
}
