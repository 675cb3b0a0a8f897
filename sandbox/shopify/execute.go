package shopify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// request is one GraphQL document being answered.
type request struct {
	s        *Server
	compiler *compiler
	w        *writer
	now      time.Time
	errors   gqlerror.List
	searches []searchNote
}

// searchNote is an element of extensions.search: what was made of a query that
// had something wrong.
type searchNote struct {
	Path     []string  `json:"path"`
	Query    string    `json:"query"`
	Warnings []warning `json:"warnings"`
}

// costNote is extensions.cost.
type costNote struct {
	Requested int          `json:"requestedQueryCost"`
	Actual    *int         `json:"actualQueryCost"` // null where it was throttled
	Status    throttleNote `json:"throttleStatus"`
}

type throttleNote struct {
	Maximum   float64 `json:"maximumAvailable"`
	Available int     `json:"currentlyAvailable"`
	Restore   float64 `json:"restoreRate"`
}

func (s *Server) costNote(requested int, actual *int) map[string]any {
	p := s.config.Plan
	return map[string]any{"cost": costNote{requested, actual, throttleNote{float64(p.bucket()), s.bucket.status(), float64(p)}}}
}

// parse checks a document against the schema and picks its operation.
func (s *Server) parse(doc document) (*ast.OperationDefinition, map[string]any, gqlerror.List) {
	parsed, errs := gqlparser.LoadQueryWithRules(s.schema, doc.Query, rules.NewDefaultRules())
	if errs != nil {
		return nil, nil, errs
	}
	op := parsed.Operations.ForName(doc.OperationName)
	if op == nil {
		return nil, nil, gqlerror.List{gqlerror.Errorf("An operation name is required")}
	}
	vars, err := validator.VariableValues(s.schema, op, doc.Variables)
	if err != nil {
		return nil, nil, gqlerror.List{gqlerror.Wrap(err)}
	}
	return op, vars, nil
}

// execute answers a document with the body of the response.
func (s *Server) execute(doc document, fault RequestFault) []byte {
	op, vars, errs := s.parse(doc)
	if errs != nil {
		return failure(errs, nil)
	}
	s.stats.add(func(c *Stats) { c.Requests[op.Name]++ })
	r := &request{s: s, now: s.now(), compiler: &compiler{schema: s.schema, types: s.types, vars: vars, scopes: s.config.Scopes}}
	r.w = &writer{shop: s.config.Shop, now: r.now}
	if fault.Code != "" {
		return failure(gqlerror.List{coded(fault.Code, "Internal error. Looks like something went wrong on our end.")}, nil)
	}
	cost := r.compiler.requestedCost(op)
	if cost > maxQueryCost {
		e := coded("MAX_COST_EXCEEDED", fmt.Sprintf("Query cost is %d, which exceeds the single query max cost limit (%d).", cost, maxQueryCost))
		e.Extensions["cost"], e.Extensions["maxCost"] = cost, maxQueryCost
		return failure(gqlerror.List{e}, nil)
	}
	overdrawn := !fault.Throttled && !s.bucket.take(cost)
	if fault.Throttled || overdrawn {
		s.stats.add(func(c *Stats) {
			if c.Throttled++; overdrawn {
				c.Overdrawn++
			}
		})
		return failure(gqlerror.List{coded("THROTTLED", "Throttled")}, s.costNote(cost, nil))
	}
	r.run(op)
	if fault.Beside != "" {
		r.errors = append(r.errors, coded(fault.Beside, "Internal error. Looks like something went wrong on our end."))
	}
	actual := min(r.w.objects, cost)
	if op.Operation == ast.Mutation {
		actual = cost
	}
	s.bucket.giveBack(cost - actual)
	s.stats.add(func(c *Stats) { c.Spent += actual })
	return r.response(s.costNote(cost, &actual))
}

// response puts data, errors and extensions together. As everywhere in
// GraphQL, data and errors may both be there.
func (r *request) response(extensions map[string]any) []byte {
	if len(r.searches) > 0 {
		extensions["search"] = r.searches
	}
	b := append([]byte(`{"data":`), r.w.b...)
	if len(r.errors) > 0 {
		list, _ := json.Marshal(r.errors)
		b = append(append(b, `,"errors":`...), list...)
	}
	notes, _ := json.Marshal(extensions)
	return append(append(append(b, `,"extensions":`...), notes...), '}')
}

func failure(errs gqlerror.List, extensions map[string]any) []byte {
	for _, e := range errs {
		e.Message = strings.TrimPrefix(e.Message, "input: ")
	}
	body := map[string]any{"errors": errs}
	if extensions != nil {
		body["extensions"] = extensions
	}
	b, _ := json.Marshal(body)
	return b
}

// coded is an error with a code in its extensions.
func coded(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{
		"code": code, "documentation": "https://shopify.dev/api/usage/response-codes",
	}}
}

// run writes the value of data.
func (r *request) run(op *ast.OperationDefinition) {
	root := r.compiler.schema.Query
	if op.Operation == ast.Mutation {
		root = r.compiler.schema.Mutation
	}
	r.w.raw("{")
	for i, group := range r.compiler.collect(root, op.SelectionSet) {
		if i > 0 {
			r.w.raw(",")
		}
		f := group[0]
		r.w.raw(strconv.Quote(f.Alias) + ":")
		if f.Name == "__typename" {
			r.w.raw(`"` + root.Name + `"`)
			continue
		}
		if err := r.field(f, group); err != nil {
			r.errors = append(r.errors, asError(err, f.Alias))
			if f.Definition.Type.NonNull {
				r.w.b = []byte("null") // nothing less may be null
				return
			}
			r.w.raw("null")
		}
	}
	r.w.raw("}")
}

// field resolves a field of the root and writes its value.
func (r *request) field(f *ast.Field, group []*ast.Field) error {
	resolver, ok := r.s.roots[f.Name]
	if !ok {
		return fmt.Errorf("the simulator does not answer %s", f.Name)
	}
	if !r.s.granted(resolver.scope) {
		return denied(f.Name, resolver.scope)
	}
	var set ast.SelectionSet
	for _, g := range group {
		set = append(set, g.SelectionSet...)
	}
	value, err := r.compiler.value(f.Definition.Type, set)
	if err != nil {
		return err
	}
	for _, scope := range r.compiler.denied {
		r.errors = append(r.errors, asError(denied("a", scope), f.Alias))
	}
	r.compiler.denied = nil
	args := f.ArgumentMap(r.compiler.vars)
	args["path"] = f.Alias // of extensions.search
	v, err := resolver.resolve(r, args)
	if err != nil {
		return err
	}
	many, isList := v.([]any)
	if !isList {
		r.value(value, v)
		return nil
	}
	r.w.raw("[")
	for i, v := range many {
		if i > 0 {
			r.w.raw(",")
		}
		r.value(value, v)
	}
	r.w.raw("]")
	return nil
}

func (r *request) value(value func(*writer, any), v any) {
	if v == nil {
		r.w.raw("null")
		return
	}
	value(r.w, v)
}

func denied(what, scope string) *gqlerror.Error {
	e := coded("ACCESS_DENIED", fmt.Sprintf("Access denied for %s field. Required access: `%s` access scope.", what, scope))
	e.Extensions["requiredAccess"] = "`" + scope + "` access scope."
	return e
}

// asError places an error at a field of the root.
func asError(err error, alias string) *gqlerror.Error {
	var e *gqlerror.Error
	if !errors.As(err, &e) {
		e = coded("BAD_REQUEST", err.Error())
	}
	e.Path = ast.Path{ast.PathName(alias)}
	return e
}
