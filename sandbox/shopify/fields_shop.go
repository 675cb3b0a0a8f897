package shopify

import (
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func productFields() fields {
	id := func(p *Product) shop.ID { return p.ID }
	return fields{
		"id":               gid("Product", id),
		"legacyResourceId": legacyID(id),
		"title":            text(func(p *Product) string { return p.Title }),
		"handle":           text(func(p *Product) string { return p.Handle }),
		"status":           text(func(p *Product) string { return p.Status }),
		"vendor":           text(func(p *Product) string { return p.Vendor }),
		"productType":      text(func(p *Product) string { return p.ProductType }),
		"tags":             texts(func(p *Product) []string { return p.Tags }),
		"createdAt":        instant(func(p *Product) time.Time { return p.CreatedAt }),
		"updatedAt":        instant(func(p *Product) time.Time { return p.UpdatedAt }),
		"publishedAt":      instant(func(p *Product) time.Time { return p.PublishedAt }),
		"featuredMedia": object(func(w *writer, p *Product) any {
			if p.ImageURL == "" {
				return nil
			}
			w.media = mediaImage{p.ImageURL}
			return &w.media
		}),
	}
}

type (
	installation struct{ scopes []string }
	accessScope  struct{ handle string }
	apiVersion   struct {
		handle    string
		supported bool
	}
	userError struct {
		fields        []string // null where empty
		message, code string
	}
	bulkPayload struct {
		operation *operation
		errors    []userError
	}
)

func addShopTypes(types map[string]fields) {
	types["Shop"] = fields{
		"id":              gid("Shop", func(i *shop.Info) shop.ID { return i.ID }),
		"name":            text(func(i *shop.Info) string { return i.Name }),
		"myshopifyDomain": text(func(i *shop.Info) string { return i.Domain }),
		"currencyCode":    text(func(i *shop.Info) string { return i.Currency }),
		"ianaTimezone":    text(func(i *shop.Info) string { return i.TimeZone }),
	}
	types["AppInstallation"] = fields{
		"id": gid("AppInstallation", func(*installation) shop.ID { return 1 }),
		"accessScopes": field{
			length: func(_ *writer, v any) int { return len(v.(*installation).scopes) },
			item:   func(_ *writer, v any, i int) any { return &accessScope{v.(*installation).scopes[i]} },
		},
	}
	types["AccessScope"] = fields{
		"handle":      text(func(s *accessScope) string { return s.handle }),
		"description": text(func(s *accessScope) string { return "The scope " + s.handle + "." }),
	}
	types["ApiVersion"] = fields{
		"handle":      text(func(v *apiVersion) string { return v.handle }),
		"displayName": text(func(v *apiVersion) string { return v.handle }),
		"supported":   flag(func(v *apiVersion) bool { return v.supported }),
	}
	fault := fields{
		"message": text(func(e *userError) string { return e.message }),
		"code":    optional(func(e *userError) string { return e.code }),
		"field": field{scalar: func(w *writer, v any) {
			if e := v.(*userError); len(e.fields) == 0 {
				w.raw("null")
			} else {
				w.raw("[")
				w.text(e.fields[0])
				w.raw("]")
			}
		}},
	}
	types["UserError"], types["BulkOperationUserError"] = fault, fault
	payload := fields{
		"bulkOperation": object(func(_ *writer, p *bulkPayload) any {
			if p.operation == nil {
				return nil
			}
			return p.operation
		}),
		"userErrors": list(func(_ *writer, p *bulkPayload) []userError { return p.errors }),
	}
	types["BulkOperationRunQueryPayload"], types["BulkOperationCancelPayload"] = payload, payload
	types["TagsAddPayload"] = fields{
		"node": object(func(_ *writer, p *tagsPayload) any {
			if p.product == nil {
				return nil
			}
			return p.product
		}),
		"userErrors": list(func(_ *writer, p *tagsPayload) []userError { return p.errors }),
	}
}

// operationFields reads copies of operations, which nobody else writes to.
func operationFields() fields {
	return fields{
		"id":              gid("BulkOperation", func(o *operation) shop.ID { return o.id }),
		"status":          text(func(o *operation) string { return o.status }),
		"type":            text(func(*operation) string { return "QUERY" }),
		"errorCode":       optional(func(o *operation) string { return o.errorCode }),
		"createdAt":       instant(func(o *operation) time.Time { return o.createdAt }),
		"completedAt":     instant(func(o *operation) time.Time { return o.completedAt }),
		"objectCount":     text(func(o *operation) string { return strconv.Itoa(o.objects) }),
		"rootObjectCount": text(func(o *operation) string { return strconv.Itoa(o.roots) }),
		"query":           text(func(o *operation) string { return o.query }),
		"url":             optional(func(o *operation) string { return o.url }),
		"partialDataUrl":  optional(func(o *operation) string { return o.partialURL }),
		"fileSize": optional(func(o *operation) string {
			if o.status != "COMPLETED" {
				return ""
			}
			return strconv.FormatInt(o.size, 10)
		}),
	}
}
