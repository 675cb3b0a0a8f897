package shopify

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

const (
	maxBulkQuery       = 65_535 // bytes
	maxBulkConnections = 5
	maxBulkDepth       = 2 // connections inside the root connection
)

// compileBulk checks a bulk query against Shopify's rules and compiles it. Its
// errors are Shopify's messages where those were recorded (too large, no
// connection, 'nodes'); the others are worded after its documentation.
func (s *Server) compileBulk(query string) (*export, error) {
	if len(query) > maxBulkQuery {
		return nil, fmt.Errorf("Query is too large (%d bytes; maximum is %d bytes)", len(query), maxBulkQuery)
	}
	doc, errs := gqlparser.LoadQueryWithRules(s.schema, query, rules.NewDefaultRules())
	if errs != nil {
		return nil, fmt.Errorf("Invalid bulk query: %s", errs[0].Message)
	}
	if len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Query {
		return nil, errors.New("Bulk queries must contain exactly one query operation.")
	}
	op := doc.Operations[0]
	if len(op.VariableDefinitions) > 0 {
		return nil, errors.New("Bulk queries cannot contain variables.")
	}
	var check bulkCheck
	if err := check.set(op.SelectionSet, 0, false); err != nil {
		return nil, err
	}
	if check.connections == 0 {
		return nil, errors.New("Bulk queries must contain at least one connection.")
	}
	if check.connections > maxBulkConnections {
		return nil, fmt.Errorf("Bulk queries cannot contain more than %d connections.", maxBulkConnections)
	}
	return s.compileExport(op)
}

// bulkCheck walks a bulk query.
type bulkCheck struct{ connections int }

// set checks a selection set that lies inside of depth connections.
func (c *bulkCheck) set(set ast.SelectionSet, depth int, inList bool) error {
	for _, selection := range set {
		var err error
		switch s := selection.(type) {
		case *ast.Field:
			err = c.field(s, set, depth, inList)
		case *ast.InlineFragment:
			err = c.set(s.SelectionSet, depth, inList)
		case *ast.FragmentSpread:
			err = c.set(s.Definition.SelectionSet, depth, inList)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *bulkCheck) field(f *ast.Field, siblings ast.SelectionSet, depth int, inList bool) error {
	if f.Name == "__typename" {
		return nil
	}
	if f.ObjectDefinition.Name == "QueryRoot" && (f.Name == "node" || f.Name == "nodes") {
		return fmt.Errorf("Bulk queries cannot contain the top-level field '%s'.", f.Name)
	}
	if !isConnection(f.Definition.Type) {
		return c.set(f.SelectionSet, depth, inList || f.Definition.Type.Elem != nil)
	}
	c.connections++
	switch {
	case inList:
		return errors.New("Queries that contain a connection field within a list field are not currently supported.")
	case depth > maxBulkDepth:
		return fmt.Errorf("Bulk queries cannot contain connections with a nesting depth greater than %d.", maxBulkDepth)
	case depth > 0 && !slices.ContainsFunc(siblings, isPlainID):
		return fmt.Errorf("The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' return type. Connection fields without 'id': %s.", f.Name)
	}
	return c.connection(f, depth)
}

// connection checks that exactly edges { node { … } } is selected.
func (c *bulkCheck) connection(f *ast.Field, depth int) error {
	for _, selection := range f.SelectionSet {
		if s, ok := selection.(*ast.Field); ok && s.Name == "nodes" {
			return errors.New("Selecting via 'nodes' is not supported")
		}
	}
	edges, ok := onlyField(f.SelectionSet, "edges")
	if !ok {
		return errors.New("Bulk queries must select connections via 'edges' and nothing else.")
	}
	node, ok := onlyField(edges.SelectionSet, "node")
	if !ok {
		return errors.New("Bulk queries must select edges via 'node' and nothing else.")
	}
	return c.set(node.SelectionSet, depth+1, false)
}

func onlyField(set ast.SelectionSet, name string) (*ast.Field, bool) {
	if len(set) != 1 {
		return nil, false
	}
	f, ok := set[0].(*ast.Field)
	return f, ok && f.Name == name
}

func isPlainID(s ast.Selection) bool {
	f, ok := s.(*ast.Field)
	return ok && f.Name == "id" && f.Alias == "id"
}
