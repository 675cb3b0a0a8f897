package jsonl

import "github.com/macrodata-dev/macrodata/internal/shop"

// moneyBag is Shopify's MoneyBag: the same money in the shop's currency and in
// that which the customer saw.
type moneyBag struct {
	inShop, presented shop.Amount
	both              bool
}

var bagFields = []field[moneyBag]{
	{"shopMoney", true, func(s *scanner, b *moneyBag) { object(s, moneyFields, &b.inShop) }},
	{"presentmentMoney", false, func(s *scanner, b *moneyBag) {
		object(s, moneyFields, &b.presented)
		b.both = true
	}},
}

var moneyFields = []field[shop.Amount]{
	{"amount", true, func(s *scanner, a *shop.Amount) { *a = s.amount() }},
}

// price reads the shop's side of a money bag.
func (s *scanner) price() shop.Amount {
	s.bag = moneyBag{}
	object(s, bagFields, &s.bag)
	return s.bag.inShop
}

// prices reads both sides of a money bag.
func (s *scanner) prices() (inShop, presented shop.Amount) {
	start := s.i
	inShop = s.price()
	if !s.bag.both {
		s.failMissing(start, "presentmentMoney")
	}
	return inShop, s.bag.presented
}

// reference is an object of which only the id is read.
type reference struct {
	objectType string
	id         shop.ID
}

var referenceFields = []field[reference]{
	{"id", true, func(s *scanner, r *reference) { r.id = s.id(r.objectType) }},
}

// idOf reads the id inside an object of a type.
func (s *scanner) idOf(objectType string) shop.ID {
	s.ref = reference{objectType: objectType}
	object(s, referenceFields, &s.ref)
	return s.ref.id
}

// pageInfo is what a connection says of its next page.
type pageInfo struct {
	more   bool
	cursor string
}

var pageFields = []field[pageInfo]{
	{"hasNextPage", true, func(s *scanner, p *pageInfo) { p.more = s.bool() }},
	{"endCursor", false, func(s *scanner, p *pageInfo) { p.cursor = s.string() }},
}

// page reads a pageInfo and returns the cursor of the next page, "" where
// there is none.
func (s *scanner) page() string {
	var p pageInfo
	start := s.i
	object(s, pageFields, &p)
	if !p.more {
		return ""
	}
	if p.cursor == "" {
		s.failMissing(start, "endCursor")
	}
	return p.cursor
}
