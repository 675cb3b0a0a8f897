package jsonl

import "github.com/macrodata-dev/macrodata/internal/shop"

// refund is a refund as it is being read.
type refund struct {
	shop.Refund
	priced bool   // it says how much was given back
	listed bool   // it lists its lines
	cursor string // where they go on
}

var refundFields = []field[refund]{
	{"id", true, func(s *scanner, r *refund) { r.ID = s.id("Refund") }},
	{"createdAt", false, func(s *scanner, r *refund) { r.CreatedAt = s.time() }},
	{"totalRefundedSet", false, func(s *scanner, r *refund) { r.Total, r.priced = s.price(), true }},
	{"refundLineItems", false, func(s *scanner, r *refund) {
		c := refundLineConnection{}
		object(s, refundLineConnectionFields, &c)
		r.Lines, r.cursor, r.listed = c.nodes, c.cursor, true
	}},
}

// refundLineConnection is a page of a refund's lines.
type refundLineConnection struct {
	nodes  []shop.RefundLine
	cursor string
}

var refundLineConnectionFields = []field[refundLineConnection]{
	{"nodes", true, func(s *scanner, c *refundLineConnection) {
		for ok := s.open('['); ok; ok = s.more('[') {
			c.nodes = append(c.nodes, shop.RefundLine{})
			object(s, refundLineFields, &c.nodes[len(c.nodes)-1])
		}
	}},
	{"pageInfo", true, func(s *scanner, c *refundLineConnection) { c.cursor = s.page() }},
}

var refundLineFields = []field[shop.RefundLine]{
	{"quantity", true, func(s *scanner, l *shop.RefundLine) { l.Quantity = s.int() }},
	{"lineItem", true, func(s *scanner, l *shop.RefundLine) { l.LineID = s.idOf("LineItem") }},
	{"subtotalSet", true, func(s *scanner, l *shop.RefundLine) { l.Subtotal = s.price() }},
	{"totalTaxSet", true, func(s *scanner, l *shop.RefundLine) { l.Tax = s.price() }},
}

// readRefunds counts the refunds and keeps those that list their lines.
func readRefunds(s *scanner, o *shop.Order) {
	for ok := s.open('['); ok; ok = s.more('[') {
		r, start := refund{}, s.i
		object(s, refundFields, &r)
		o.RefundCount++
		if !r.listed {
			continue
		}
		if !r.priced {
			s.failMissing(start, "totalRefundedSet")
			return
		}
		o.Refunds = append(o.Refunds, r.Refund)
		if r.cursor != "" {
			if s.pages.Refunds == nil {
				s.pages.Refunds = map[shop.ID]string{}
			}
			s.pages.Refunds[r.ID] = r.cursor
		}
	}
}
