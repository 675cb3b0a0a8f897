package shopify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// plan is a selection set compiled for one object type: what remains to be
// done per value is to append keys and call functions.
type plan struct {
	typ    string
	steps  []step
	nested []nested // in bulk plans: connections, whose nodes are rows of their own
}

type step struct {
	key    string // `"name":`
	append func(w *writer, v any)
}

type nested struct {
	field field
	plan  *plan
}

func (p *plan) append(w *writer, v any) {
	p.appendOpen(w, v)
	w.b = append(w.b, '}')
}

// appendOpen appends the object without its closing brace.
func (p *plan) appendOpen(w *writer, v any) {
	w.objects++
	if o, ok := v.(*Order); ok {
		w.order = o
	}
	w.b = append(w.b, '{')
	for i := range p.steps {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, p.steps[i].key...)
		p.steps[i].append(w, v)
	}
}

// compiler turns selection sets into plans. It lives as long as one document.
type compiler struct {
	schema *ast.Schema
	types  map[string]fields
	vars   map[string]any
	scopes []string // granted
	bulk   bool
	denied []string // scopes that were missing, and null was answered instead
}

func (c *compiler) object(def *ast.Definition, set ast.SelectionSet) (*plan, error) {
	p := &plan{typ: def.Name}
	known := fieldsOf(c.types, def.Name)
	for _, group := range c.collect(def, set) {
		selected := group[0]
		key := `"` + selected.Alias + `":`
		if selected.Name == "__typename" {
			name := `"` + def.Name + `"`
			p.steps = append(p.steps, step{key, func(w *writer, _ any) { w.raw(name) }})
			continue
		}
		f, ok := known[selected.Name]
		if !ok {
			return nil, fmt.Errorf("the simulator does not answer %s.%s", def.Name, selected.Name)
		}
		if c.bulk && isConnection(selected.Definition.Type) {
			sub, err := c.rows(selected)
			if err != nil {
				return nil, err
			}
			p.nested = append(p.nested, nested{f, sub})
			continue
		}
		appender, err := c.field(f, group)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, step{key, appender})
	}
	return p, nil
}

// rows compiles the node of a bulk connection.
func (c *compiler) rows(connection *ast.Field) (*plan, error) {
	edges := connection.SelectionSet[0].(*ast.Field)
	node := edges.SelectionSet[0].(*ast.Field)
	return c.object(c.schema.Types[node.Definition.Type.Name()], node.SelectionSet)
}

// collect lists the fields that apply to an object type, those with the same
// response key together.
func (c *compiler) collect(def *ast.Definition, set ast.SelectionSet) [][]*ast.Field {
	var groups [][]*ast.Field
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !c.included(s.Directives) {
					continue
				}
				i := slices.IndexFunc(groups, func(g []*ast.Field) bool { return g[0].Alias == s.Alias })
				if i < 0 {
					groups = append(groups, []*ast.Field{s})
				} else {
					groups[i] = append(groups[i], s)
				}
			case *ast.InlineFragment:
				if c.included(s.Directives) && applies(def, s.TypeCondition) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if c.included(s.Directives) && applies(def, s.Definition.TypeCondition) {
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	walk(set)
	return groups
}

func applies(def *ast.Definition, condition string) bool {
	return condition == "" || condition == def.Name || slices.Contains(def.Interfaces, condition)
}

// included evaluates @skip and @include.
func (c *compiler) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		condition, _ := d.ArgumentMap(c.vars)["if"].(bool)
		if d.Name == "skip" && condition || d.Name == "include" && !condition {
			return false
		}
	}
	return true
}

// field compiles one field, selected once or several times under one key.
func (c *compiler) field(f field, group []*ast.Field) (func(*writer, any), error) {
	selected := group[0]
	if f.scope != "" && !slices.Contains(c.scopes, f.scope) {
		c.denied = append(c.denied, f.scope)
		return func(w *writer, _ any) { w.raw("null") }, nil
	}
	if f.scalar != nil {
		return f.scalar, nil
	}
	var set ast.SelectionSet
	for _, s := range group {
		set = append(set, s.SelectionSet...)
	}
	value, err := c.value(selected.Definition.Type, set)
	if err != nil {
		return nil, err
	}
	args := selected.ArgumentMap(c.vars)
	switch {
	case isConnection(selected.Definition.Type):
		return appendConnection(f, args, value)
	case f.length != nil:
		first, err := pageSize(args)
		if err != nil {
			return nil, err
		}
		return appendList(f, first, value), nil
	case f.brief != nil && onlyIDs(set):
		return appendObject(f.brief, value), nil
	}
	return appendObject(f.object, value), nil
}

// value compiles a selection on a type, which may be abstract.
func (c *compiler) value(t *ast.Type, set ast.SelectionSet) (func(*writer, any), error) {
	def := c.schema.Types[t.Name()]
	if !def.IsAbstractType() {
		p, err := c.object(def, set)
		if err != nil {
			return nil, err
		}
		return p.append, nil
	}
	plans := map[string]*plan{}
	for _, possible := range c.schema.GetPossibleTypes(def) {
		if fieldsOf(c.types, possible.Name) == nil {
			continue
		}
		p, err := c.object(possible, set)
		if err != nil {
			return nil, err
		}
		plans[possible.Name] = p
	}
	return func(w *writer, v any) { plans[typeName(v)].append(w, v) }, nil
}

func appendObject(get func(*writer, any) any, value func(*writer, any)) func(*writer, any) {
	return func(w *writer, v any) {
		if child := get(w, v); child != nil {
			value(w, child)
		} else {
			w.raw("null")
		}
	}
}

// appendList writes all elements, or at most first of them unless it is 0.
func appendList(f field, first int, value func(*writer, any)) func(*writer, any) {
	return func(w *writer, v any) {
		n := f.length(w, v)
		if first > 0 {
			n = min(n, first)
		}
		w.b = append(w.b, '[')
		for i := range n {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			value(w, f.item(w, v, i))
		}
		w.b = append(w.b, ']')
	}
}

// appendConnection writes a page of a connection inside an object.
func appendConnection(f field, args map[string]any, value func(*writer, any)) (func(*writer, any), error) {
	first, err := pageSize(args)
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, errors.New("you must provide one of first or last")
	}
	start, err := offsetAfter(args)
	if err != nil {
		return nil, err
	}
	return func(w *writer, v any) {
		n := f.length(w, v)
		p := &page{previous: start > 0, next: n > start+first}
		for i := start; i < min(n, start+first); i++ {
			p.edges = append(p.edges, edge{f.item(w, v, i), offsetCursor(i)})
		}
		value(w, p)
	}, nil
}

func isConnection(t *ast.Type) bool { return strings.HasSuffix(t.Name(), "Connection") }

// onlyIDs reports whether a selection can be answered from an id alone.
func onlyIDs(set ast.SelectionSet) bool {
	return !slices.ContainsFunc(set, func(s ast.Selection) bool {
		f, ok := s.(*ast.Field)
		return !ok || f.Name != "id" && f.Name != "legacyResourceId" && f.Name != "__typename"
	})
}
