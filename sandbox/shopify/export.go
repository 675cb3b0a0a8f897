package shopify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// errAccessDenied ends an operation that lacks a scope.
var errAccessDenied = errors.New("access denied")

// export is a bulk query compiled.
type export struct {
	roots  []exportRoot
	denied []string // scopes that some field lacks
}

// exportRoot is a connection at the root of a bulk query, over one of orders
// and products.
type exportRoot struct {
	name     string
	plan     *plan
	idsOnly  bool
	scope    string
	orders   matcher[Order]
	products matcher[Product]
}

// result is what an export left behind.
type result struct {
	file           string
	size           int64
	objects, roots int
}

func (s *Server) compileExport(op *ast.OperationDefinition) (*export, error) {
	c := &compiler{schema: s.schema, types: s.types, scopes: s.config.Scopes, bulk: true}
	e := &export{}
	for _, group := range c.collect(s.schema.Query, op.SelectionSet) {
		f := group[0]
		if !isConnection(f.Definition.Type) {
			return nil, fmt.Errorf("Bulk queries can only have connections at their root, and %s is none.", f.Name)
		}
		p, err := c.rows(f)
		if err != nil {
			return nil, err
		}
		r := exportRoot{name: f.Name, plan: p, scope: s.roots[f.Name].scope, idsOnly: len(p.nested) == 0 && len(p.steps) <= 3}
		query, _ := f.ArgumentMap(nil)["query"].(string)
		switch f.Name {
		case "orders":
			r.orders, _, err = parseSearch(query, orderSearch(s.zone))
		case "products":
			r.products, _, err = parseSearch(query, productSearch(s.zone))
		default:
			err = fmt.Errorf("the simulator exports orders and products, not %s", f.Name)
		}
		if err != nil {
			return nil, err
		}
		e.roots = append(e.roots, r)
	}
	e.denied = c.denied
	return e, nil
}

// kind names an export for the counters.
func (e *export) kind() string {
	switch r := e.roots[0]; {
	case r.name == "orders" && r.idsOnly:
		return "order ids"
	case r.name == "products" && r.idsOnly:
		return "product ids"
	default:
		return r.name
	}
}

// missingScope returns a scope that the export needs and that isn't granted.
// One is enough to end the whole operation.
func (e *export) missingScope(s *Server) string {
	for _, r := range e.roots {
		if !s.granted(r.scope) {
			return r.scope
		}
	}
	if len(e.denied) > 0 {
		return e.denied[0]
	}
	return ""
}

// Exported says what [Export] wrote.
type Exported struct {
	Bytes          int64
	Objects, Roots int
}

// Export writes the result of a bulk query over a shop as of now, as a bulk
// operation would. With it, files for [Server.Prepare] are made.
func Export(s Shop, now time.Time, query string, out io.Writer) (Exported, error) {
	server, err := New(Config{Shop: s, Token: "none", Dir: os.TempDir()})
	if err != nil {
		return Exported{}, err
	}
	e, err := server.compileBulk(query)
	if err != nil {
		return Exported{}, fmt.Errorf("shopify simulator: export: %w: %w", err, errs.Invalid)
	}
	res, err := e.write(context.Background(), out, server, now, BulkFault{}, func(_, _ int) {})
	return Exported{res.size, res.objects, res.roots}, err
}

// writeFile runs an export into a file.
func (e *export) writeFile(ctx context.Context, name string, s *Server, now time.Time, fault BulkFault, progress func(objects, roots int)) (res result, err error) {
	f, err := os.Create(name)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	res, err = e.write(ctx, f, s, now, fault, progress)
	res.file = name
	return res, err
}

// write runs an export, telling its counts from time to time.
func (e *export) write(ctx context.Context, out io.Writer, s *Server, now time.Time, fault BulkFault, progress func(objects, roots int)) (result, error) {
	rows := &rowWriter{
		w: &writer{shop: s.config.Shop, now: now, slashes: true}, out: bufio.NewWriterSize(out, 1<<18),
		fault: fault, progress: progress, ctx: ctx,
	}
	var err error
	for _, r := range e.roots {
		if err = r.write(rows, s, now); err != nil {
			break
		}
	}
	if err == nil {
		err = rows.finish()
	}
	return result{size: rows.bytes, objects: rows.objects, roots: rows.roots}, err
}

func (r *exportRoot) write(rows *rowWriter, s *Server, now time.Time) error {
	switch {
	case r.orders != nil:
		for o := range s.orders(now) {
			if r.orders(o) && !rows.root(r.plan, o, o.ID) {
				break
			}
		}
	case r.products != nil:
		for p := range s.config.Shop.Products(now) {
			if r.products(p) && !rows.root(r.plan, p, p.ID) {
				break
			}
		}
	}
	return rows.ctx.Err()
}

// id reads the id of a row for the __parentId of its children.
func rowID(v any) shop.ID {
	switch v := v.(type) {
	case *Order:
		return v.ID
	case *Product:
		return v.ID
	case *Line:
		return v.ID
	}
	return 0
}
