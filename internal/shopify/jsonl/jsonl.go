// Package jsonl reads what Shopify's bulk operations write: JSON Lines, one
// object to a line, with children that name their parent in __parentId.
//
// [Reader] splits a file into lines, [Peek] says cheaply what a line is, and
// the Decode functions turn one line, or the same object from an answer of the
// Admin API, into the structs of package shop. They read the fields that the
// documents in internal/shopify/queries ask for and skip all others.
//
// The decoder is our own because parsing is most of what a load costs outside
// the database. It accepts what encoding/json accepts, with these exceptions,
// each refused with the field and the reason:
//
//   - text that PostgreSQL can't hold or that lost something on its way:
//     invalid UTF-8, U+0000, half of a surrogate pair;
//   - a field that is read and appears twice, or only in another case ("ID");
//   - a field that the schema promises and that is missing or null;
//   - a value of the wrong type, an id of another type of object, an amount
//     or an integer beyond its range;
//   - more than [MaxDepth] objects and lists within each other, or more than
//     1,000 tags.
//
// Every error is an [errs.Invalid].
package jsonl

import (
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Pages tells which connections of an order were cut, and where to go on.
type Pages struct {
	Lines   string             // cursor after the last line; "" where all are there
	Refunds map[shop.ID]string // the same by refund, for its lines; nil where none was cut
}

// DecodeOrder reads an order from a bulk file or an answer, as asked for by
// bulk_orders.graphql or orders_by_id.graphql. It resets *o but reuses its
// slices; after an error *o holds nothing of use.
//
// A bulk file lists no more than the ids of refunds: then RefundCount is their
// number and Refunds is empty. FulfillmentCount is the number listed where
// Shopify doesn't count. An order of which lines or refund lines were cut is
// refused: [DecodeNode] reads those.
func DecodeOrder(raw []byte, o *shop.Order) error {
	pages, err := DecodeNode(raw, o)
	switch {
	case err != nil:
		return err
	case pages.Lines != "":
		return refuse("lineItems", "has more pages than are read here")
	case pages.Refunds != nil:
		return refuse("refunds", "refundLineItems has more pages than are read here")
	}
	return nil
}

// DecodeNode is [DecodeOrder] for an order whose lines and refund lines may
// continue on further pages, which it tells.
func DecodeNode(raw []byte, o *shop.Order) (Pages, error) {
	return decodeOrder(raw, o, orderFields)
}

// DecodeRefunds reads an order as order_refunds.graphql asks for it: it fills
// ID, UpdatedAt, RefundCount and Refunds, and leaves the rest zero.
func DecodeRefunds(raw []byte, o *shop.Order) (Pages, error) {
	return decodeOrder(raw, o, refundedOrderFields)
}

// DecodeLine reads a line item from a bulk file; its parent is the order.
func DecodeLine(raw []byte, l *shop.Line) error {
	*l = shop.Line{}
	s := newScanner(raw)
	object(s, lineFields, l)
	if err := s.end(); err != nil {
		return err
	}
	if l.OrderID == 0 {
		return refuse("__parentId", "is missing")
	}
	l.Hash = hashLine(l)
	return nil
}

// DecodeProduct reads a product from a bulk file or an answer. It resets *p
// but reuses its tags.
func DecodeProduct(raw []byte, p *shop.Product) error {
	*p = shop.Product{Tags: p.Tags[:0]}
	s := newScanner(raw)
	object(s, productFields, p)
	if err := s.end(); err != nil {
		return err
	}
	p.Hash = hashProduct(p)
	return nil
}

// DecodeID reads the id, of any type, and the time of the last change, which
// is all that a sweep of ids asks for.
func DecodeID(raw []byte) (shop.ID, time.Time, error) {
	var v version
	s := newScanner(raw)
	object(s, versionFields, &v)
	if err := s.end(); err != nil {
		return 0, time.Time{}, err
	}
	return v.id, v.updatedAt, nil
}

// DecodeLines reads one page of an order's lines: the connection itself, with
// nodes and pageInfo. The cursor is "" on the last page.
func DecodeLines(raw []byte, order shop.ID) (lines []shop.Line, cursor string, err error) {
	c := lineConnection{}
	s := newScanner(raw)
	object(s, lineConnectionFields, &c)
	if err := s.end(); err != nil {
		return nil, "", err
	}
	finishLines(c.nodes, order)
	return c.nodes, c.cursor, nil
}

// DecodeRefundLines reads one page of a refund's lines: the connection itself,
// with nodes and pageInfo. The cursor is "" on the last page.
func DecodeRefundLines(raw []byte) (lines []shop.RefundLine, cursor string, err error) {
	c := refundLineConnection{}
	s := newScanner(raw)
	object(s, refundLineConnectionFields, &c)
	if err := s.end(); err != nil {
		return nil, "", err
	}
	return c.nodes, c.cursor, nil
}
