package jsonl

import "github.com/macrodata-dev/macrodata/internal/shop"

var lineFields = []field[shop.Line]{
	{"__typename", false, func(s *scanner, _ *shop.Line) { s.typename("LineItem") }},
	{"id", true, func(s *scanner, l *shop.Line) { l.ID = s.id("LineItem") }},
	{"title", true, func(s *scanner, l *shop.Line) { l.Title = s.string() }},
	{"variantTitle", false, func(s *scanner, l *shop.Line) { l.VariantTitle = s.string() }},
	{"sku", false, func(s *scanner, l *shop.Line) { l.SKU = s.string() }},
	{"vendor", false, func(s *scanner, l *shop.Line) { l.Vendor = s.string() }},
	{"quantity", true, func(s *scanner, l *shop.Line) { l.Quantity = s.int() }},
	{"currentQuantity", true, func(s *scanner, l *shop.Line) { l.CurrentQuantity = s.int() }},
	{"isGiftCard", true, func(s *scanner, l *shop.Line) { l.IsGiftCard = s.bool() }},
	{"product", false, func(s *scanner, l *shop.Line) { l.ProductID = s.idOf("Product") }},
	{"variant", false, func(s *scanner, l *shop.Line) { l.VariantID = s.idOf("ProductVariant") }},
	{"originalUnitPriceSet", true, func(s *scanner, l *shop.Line) { l.UnitPrice = s.price() }},
	{"discountAllocations", true, func(s *scanner, l *shop.Line) {
		for ok := s.open('['); ok; ok = s.more('[') {
			object(s, allocationFields, &l.Discount)
		}
	}},
	{"taxLines", true, func(s *scanner, l *shop.Line) {
		for ok := s.open('['); ok; ok = s.more('[') {
			object(s, taxFields, &l.Tax)
		}
	}},
	{"__parentId", false, func(s *scanner, l *shop.Line) { l.OrderID = s.id("Order") }},
}

var allocationFields = []field[shop.Amount]{
	{"allocatedAmountSet", true, func(s *scanner, sum *shop.Amount) { s.add(sum, s.price()) }},
}

var taxFields = []field[shop.Amount]{
	{"priceSet", true, func(s *scanner, sum *shop.Amount) { s.add(sum, s.price()) }},
}

// lineConnection is a page of an order's lines.
type lineConnection struct {
	nodes  []shop.Line
	cursor string
}

var lineConnectionFields = []field[lineConnection]{
	{"nodes", true, func(s *scanner, c *lineConnection) {
		for ok := s.open('['); ok; ok = s.more('[') {
			c.nodes = append(c.nodes, shop.Line{})
			object(s, lineFields, &c.nodes[len(c.nodes)-1])
		}
	}},
	{"pageInfo", true, func(s *scanner, c *lineConnection) { c.cursor = s.page() }},
}

func readLines(s *scanner, o *shop.Order) {
	c := lineConnection{nodes: o.Lines}
	object(s, lineConnectionFields, &c)
	o.Lines, s.pages.Lines = c.nodes, c.cursor
}

// finishLines adds what a line inside its order doesn't say itself.
func finishLines(lines []shop.Line, order shop.ID) {
	for i := range lines {
		lines[i].OrderID = order
		lines[i].Hash = hashLine(&lines[i])
	}
}
