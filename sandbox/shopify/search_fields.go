package shopify

import (
	"strconv"
	"strings"
	"time"
)

func parseDigits(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

func orderSearch(zone *time.Location) searchFields[Order] {
	name := func(o *Order) []string { return []string{o.Name, strings.TrimPrefix(o.Name, "#")} }
	return searchFields[Order]{
		"default":            byWord(name),
		"name":               byWord(name),
		"id":                 byNumber(func(o *Order) int64 { return int64(o.ID) }),
		"created_at":         byTime(zone, func(o *Order) time.Time { return o.CreatedAt }),
		"updated_at":         byTime(zone, func(o *Order) time.Time { return o.UpdatedAt }),
		"processed_at":       byTime(zone, func(o *Order) time.Time { return o.ProcessedAt }),
		"email":              byWord(func(o *Order) []string { return []string{o.Email} }),
		"tag":                byWord(func(o *Order) []string { return o.Tags }),
		"test":               byWord(func(o *Order) []string { return []string{strconv.FormatBool(o.Test)} }),
		"financial_status":   byWord(func(o *Order) []string { return []string{o.FinancialStatus} }),
		"fulfillment_status": byWord(func(o *Order) []string { return []string{o.FulfillmentStatus} }),
		"status":             byWord(orderStatus),
	}
}

func orderStatus(o *Order) []string {
	switch {
	case !o.CancelledAt.IsZero():
		return []string{"cancelled", "any"}
	case !o.ClosedAt.IsZero():
		return []string{"closed", "any"}
	}
	return []string{"open", "any"}
}

func productSearch(zone *time.Location) searchFields[Product] {
	return searchFields[Product]{
		"default":      byWord(func(p *Product) []string { return strings.Fields(p.Title) }),
		"title":        byWord(func(p *Product) []string { return []string{p.Title} }),
		"handle":       byWord(func(p *Product) []string { return []string{p.Handle} }),
		"id":           byNumber(func(p *Product) int64 { return int64(p.ID) }),
		"created_at":   byTime(zone, func(p *Product) time.Time { return p.CreatedAt }),
		"updated_at":   byTime(zone, func(p *Product) time.Time { return p.UpdatedAt }),
		"published_at": byTime(zone, func(p *Product) time.Time { return p.PublishedAt }),
		"product_type": byWord(func(p *Product) []string { return []string{p.ProductType} }),
		"vendor":       byWord(func(p *Product) []string { return []string{p.Vendor} }),
		"tag":          byWord(func(p *Product) []string { return p.Tags }),
		"status":       byWord(func(p *Product) []string { return []string{p.Status} }),
	}
}

// operationSearch knows no "type", though Shopify's own example uses it: it is
// ignored, and what comes back is everything.
func operationSearch() searchFields[operation] {
	return searchFields[operation]{
		"id":             byNumber(func(o *operation) int64 { return int64(o.id) }),
		"created_at":     byTime(time.UTC, func(o *operation) time.Time { return o.createdAt }),
		"completed_at":   byTime(time.UTC, func(o *operation) time.Time { return o.completedAt }),
		"operation_type": oneOf([]string{"query", "mutation"}, func(*operation) string { return "query" }),
		"status": oneOf([]string{"canceled", "canceling", "completed", "created", "failed", "running"},
			func(o *operation) string { return o.status }),
	}
}

func eventSearch() searchFields[Deletion] {
	return searchFields[Deletion]{
		"id":           byNumber(func(d *Deletion) int64 { return int64(d.eventID()) }),
		"action":       byWord(func(*Deletion) []string { return []string{"destroy"} }),
		"created_at":   byTime(time.UTC, func(d *Deletion) time.Time { return d.At }),
		"subject_type": byWord(func(d *Deletion) []string { return []string{d.SubjectType} }),
	}
}
