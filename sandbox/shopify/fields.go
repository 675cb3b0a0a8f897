package shopify

import (
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// field says how a field of a GraphQL type is read from the Go value that
// stands for it. Values travel as pointers, which an interface holds without
// allocating. Exactly one of scalar, object and length is set.
type field struct {
	scope  string // access scope that the field needs beyond its root's
	scalar func(w *writer, v any)
	object func(w *writer, v any) any // nil stands for null
	brief  func(w *writer, v any) any // instead of object where only the id is asked for
	length func(w *writer, v any) int // of a list or connection
	item   func(w *writer, v any, i int) any
}

// fields of a type by name.
type fields map[string]field

func text[T any](get func(*T) string) field {
	return field{scalar: func(w *writer, v any) { w.text(get(v.(*T))) }}
}

// optional is a text whose empty value is null.
func optional[T any](get func(*T) string) field {
	return field{scalar: func(w *writer, v any) {
		if s := get(v.(*T)); s != "" {
			w.text(s)
		} else {
			w.raw("null")
		}
	}}
}

func texts[T any](get func(*T) []string) field {
	return field{scalar: func(w *writer, v any) {
		w.raw("[")
		for i, s := range get(v.(*T)) {
			if i > 0 {
				w.raw(",")
			}
			w.text(s)
		}
		w.raw("]")
	}}
}

func number[T any](get func(*T) int) field {
	return field{scalar: func(w *writer, v any) { w.integer(int64(get(v.(*T)))) }}
}

func flag[T any](get func(*T) bool) field {
	return field{scalar: func(w *writer, v any) { w.boolean(get(v.(*T))) }}
}

func instant[T any](get func(*T) time.Time) field {
	return field{scalar: func(w *writer, v any) { w.instant(get(v.(*T))) }}
}

func gid[T any](objectType string, get func(*T) shop.ID) field {
	return field{scalar: func(w *writer, v any) { w.gid(objectType, get(v.(*T))) }}
}

// legacyID writes the digits as a string, as UnsignedInt64 is written.
func legacyID[T any](get func(*T) shop.ID) field {
	return field{scalar: func(w *writer, v any) { w.text(get(v.(*T)).String()) }}
}

func money[T any](get func(w *writer, v *T) shop.Amount) field {
	return field{object: func(w *writer, v any) any { return w.bagOf(get(w, v.(*T))) }}
}

func object[T any](get func(w *writer, v *T) any) field {
	return field{object: func(w *writer, v any) any { return get(w, v.(*T)) }}
}

// list is a list or a connection, as the schema says.
func list[T, E any](get func(w *writer, v *T) []E) field {
	return field{
		length: func(w *writer, v any) int { return len(get(w, v.(*T))) },
		item:   func(w *writer, v any, i int) any { return &get(w, v.(*T))[i] },
	}
}

// typeName returns the GraphQL type of a value behind an interface or union.
func typeName(v any) string {
	switch v.(type) {
	case *Order:
		return "Order"
	case *Product:
		return "Product"
	case *shop.Refund:
		return "Refund"
	case *mediaImage:
		return "MediaImage"
	case *Deletion:
		return "BasicEvent"
	case *operation:
		return "BulkOperation"
	}
	return ""
}

// objectTypes returns the fields of every type but the roots.
func objectTypes() map[string]fields {
	types := map[string]fields{
		"Order": orderFields(), "LineItem": lineFields(), "Refund": refundFields(), "RefundLineItem": refundLineFields(),
		"Fulfillment": fulfillmentFields(), "Product": productFields(), "BulkOperation": operationFields(),
		"MoneyBag": {
			"shopMoney": object(func(w *writer, m *moneyBag) any {
				w.money = moneyV2{m.amount, w.order.Currency}
				return &w.money
			}),
			"presentmentMoney": object(func(w *writer, m *moneyBag) any {
				w.money = moneyV2{m.presentment, w.order.PresentmentCurrency}
				return &w.money
			}),
		},
		"MoneyV2": {
			"amount":       field{scalar: func(w *writer, v any) { w.decimal(v.(*moneyV2).amount) }},
			"currencyCode": text(func(m *moneyV2) string { return m.currency }),
		},
		"Count": {
			"count": number(func(c *count) int { return c.n }),
			"precision": text(func(c *count) string {
				if c.exact {
					return "EXACT"
				}
				return "AT_LEAST"
			}),
		},
		"DiscountAllocation": {
			"allocatedAmountSet": money(func(_ *writer, a *shop.Amount) shop.Amount { return *a }),
		},
		"TaxLine": {
			"title":    text(func(t *TaxLine) string { return t.Title }),
			"priceSet": money(func(_ *writer, t *TaxLine) shop.Amount { return t.Amount }),
		},
		"FulfillmentTrackingInfo": {
			"company": optional(func(t *tracking) string { return t.company }),
			"number":  optional(func(t *tracking) string { return t.number }),
		},
		"MailingAddress":    {"countryCodeV2": optional(func(a *mailingAddress) string { return a.country })},
		"Customer":          refFields("Customer"),
		"ProductVariant":    refFields("ProductVariant"),
		"MediaImage":        {"preview": object(func(_ *writer, m *mediaImage) any { return m })},
		"MediaPreviewImage": {"image": object(func(_ *writer, m *mediaImage) any { return m })},
		"Image":             {"url": text(func(m *mediaImage) string { return m.url })},
		"BasicEvent":        eventFields(),
		"PageInfo": {
			"hasNextPage":     flag(func(p *page) bool { return p.next }),
			"hasPreviousPage": flag(func(p *page) bool { return p.previous }),
			"startCursor":     optional(func(p *page) string { return p.cursor(0) }),
			"endCursor":       optional(func(p *page) string { return p.cursor(len(p.edges) - 1) }),
		},
	}
	addShopTypes(types)
	return types
}

// fieldsOf returns the fields of a type. All connections are pages, and all
// their edges alike.
func fieldsOf(types map[string]fields, name string) fields {
	if strings.HasSuffix(name, "Connection") {
		return fields{
			"nodes": {
				length: func(_ *writer, v any) int { return len(v.(*page).edges) },
				item:   func(_ *writer, v any, i int) any { return v.(*page).edges[i].node },
			},
			"edges":    list(func(_ *writer, p *page) []edge { return p.edges }),
			"pageInfo": object(func(_ *writer, p *page) any { return p }),
		}
	}
	if strings.HasSuffix(name, "Edge") {
		return fields{
			"node":   object(func(_ *writer, e *edge) any { return e.node }),
			"cursor": text(func(e *edge) string { return e.cursor }),
		}
	}
	return types[name]
}

func refFields(objectType string) fields {
	id := func(r *ref) shop.ID { return r.id }
	return fields{"id": gid(objectType, id), "legacyResourceId": legacyID(id)}
}

func eventFields() fields {
	return fields{
		"id":        gid("BasicEvent", func(d *Deletion) shop.ID { return d.eventID() }),
		"action":    text(func(*Deletion) string { return "destroy" }),
		"createdAt": instant(func(d *Deletion) time.Time { return d.At }),
		"message":   text(func(d *Deletion) string { return d.objectType() + " was deleted." }),
		"subjectId": field{scalar: func(w *writer, v any) {
			d := v.(*Deletion)
			w.gid(d.objectType(), d.SubjectID)
		}},
		"subjectType": text(func(d *Deletion) string { return d.SubjectType }),
	}
}

// objectType turns ORDER into Order.
func (d *Deletion) objectType() string {
	return d.SubjectType[:1] + strings.ToLower(d.SubjectType[1:])
}

// eventID makes the id of a destroy event from what is gone: one event each.
func (d *Deletion) eventID() shop.ID { return d.SubjectID + 100_000_000_000_000 }
