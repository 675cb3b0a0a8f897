package jsonl

import (
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

var productFields = []field[shop.Product]{
	{"__typename", false, func(s *scanner, _ *shop.Product) { s.typename("Product") }},
	{"id", true, func(s *scanner, p *shop.Product) { p.ID = s.id("Product") }},
	{"title", true, func(s *scanner, p *shop.Product) { p.Title = s.string() }},
	{"handle", true, func(s *scanner, p *shop.Product) { p.Handle = s.string() }},
	{"status", true, func(s *scanner, p *shop.Product) { p.Status = s.enum("ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED") }},
	{"vendor", true, func(s *scanner, p *shop.Product) { p.Vendor = s.string() }},
	{"productType", true, func(s *scanner, p *shop.Product) { p.ProductType = s.string() }},
	{"tags", true, func(s *scanner, p *shop.Product) { p.Tags = s.tags(p.Tags) }},
	{"createdAt", true, func(s *scanner, p *shop.Product) { p.CreatedAt = s.time() }},
	{"updatedAt", true, func(s *scanner, p *shop.Product) { p.UpdatedAt = s.time() }},
	{"publishedAt", false, func(s *scanner, p *shop.Product) { p.PublishedAt = s.time() }},
	{"featuredMedia", false, func(s *scanner, p *shop.Product) { object(s, mediaFields, p) }},
	{"__parentId", false, isChild[shop.Product]},
}

var mediaFields = []field[shop.Product]{
	{"preview", false, func(s *scanner, p *shop.Product) { object(s, previewFields, p) }},
}

var previewFields = []field[shop.Product]{
	{"image", false, func(s *scanner, p *shop.Product) { object(s, imageFields, p) }},
}

var imageFields = []field[shop.Product]{
	{"url", true, func(s *scanner, p *shop.Product) { p.ImageURL = s.string() }},
}

// version is what a sweep of ids asks for.
type version struct {
	id        shop.ID
	updatedAt time.Time
}

var versionFields = []field[version]{
	{"id", true, func(s *scanner, v *version) { v.id = s.id("") }},
	{"updatedAt", true, func(s *scanner, v *version) { v.updatedAt = s.time() }},
}
