package jsonl

import (
	"encoding/binary"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Hashes are of what was decoded, not of the bytes, because a bulk file and an
// answer spell the same content differently. Each field is written in a fixed
// order: numbers as 8 bytes, text after its length, lists after their count,
// so that no two contents are written alike. To add, drop or move a field
// changes all hashes, and with them every row at its next sync.

// hashSize is room for most objects; for larger ones the buffer is allocated.
const hashSize = 1024

// hashOrder hashes the order itself, its fulfillments and the number of its
// refunds: what a bulk file has on the order's own line.
func hashOrder(o *shop.Order) uint64 {
	var room [hashSize]byte
	b := appendInt(room[:0], int64(o.ID))
	b = appendText(b, o.Name)
	for _, t := range [...]time.Time{o.ProcessedAt, o.CreatedAt, o.UpdatedAt, o.CancelledAt, o.ClosedAt} {
		b = appendTime(b, t)
	}
	b = appendText(b, o.FinancialStatus)
	b = appendText(b, o.FulfillmentStatus)
	b = appendText(b, o.Currency)
	b = append(b, flag(o.TaxesIncluded), flag(o.Test), flag(o.Edited))
	for _, a := range [...]shop.Amount{o.Subtotal, o.Discount, o.Shipping, o.Tax, o.Total, o.Refunded, o.PresentmentTotal} {
		b = appendInt(b, int64(a))
	}
	b = appendText(b, o.PresentmentCurrency)
	b = appendInt(b, int64(o.CustomerID))
	b = appendText(b, o.Email)
	b = appendText(b, o.Country)
	b = appendText(b, o.SourceName)
	b = appendTexts(b, o.Tags)
	b = appendInt(b, int64(o.LineQuantity))
	b = appendInt(b, int64(o.RefundCount))
	b = appendInt(b, int64(o.FulfillmentCount))
	b = appendInt(b, int64(len(o.Fulfillments)))
	for i := range o.Fulfillments {
		b = appendFulfillment(b, &o.Fulfillments[i])
	}
	return xxhash.Sum64(b)
}

func appendFulfillment(b []byte, f *shop.Fulfillment) []byte {
	b = appendInt(b, int64(f.ID))
	b = appendText(b, f.Status)
	b = appendText(b, f.Display)
	b = appendTime(b, f.CreatedAt)
	b = appendTime(b, f.UpdatedAt)
	b = appendTime(b, f.DeliveredAt)
	b = appendText(b, f.TrackingCompany)
	return appendText(b, f.TrackingNumber)
}

func hashLine(l *shop.Line) uint64 {
	var room [hashSize]byte
	b := room[:0]
	for _, id := range [...]shop.ID{l.ID, l.OrderID, l.ProductID, l.VariantID} {
		b = appendInt(b, int64(id))
	}
	b = appendText(b, l.SKU)
	b = appendText(b, l.Title)
	b = appendText(b, l.VariantTitle)
	b = appendText(b, l.Vendor)
	b = appendInt(b, int64(l.Quantity))
	b = appendInt(b, int64(l.CurrentQuantity))
	b = appendInt(b, int64(l.UnitPrice))
	b = appendInt(b, int64(l.Discount))
	b = appendInt(b, int64(l.Tax))
	b = append(b, flag(l.IsGiftCard))
	return xxhash.Sum64(b)
}

func hashProduct(p *shop.Product) uint64 {
	var room [hashSize]byte
	b := appendInt(room[:0], int64(p.ID))
	b = appendText(b, p.Title)
	b = appendText(b, p.Handle)
	b = appendText(b, p.Vendor)
	b = appendText(b, p.ProductType)
	b = appendText(b, p.Status)
	b = appendText(b, p.ImageURL)
	b = appendTexts(b, p.Tags)
	b = appendTime(b, p.CreatedAt)
	b = appendTime(b, p.UpdatedAt)
	b = appendTime(b, p.PublishedAt)
	return xxhash.Sum64(b)
}

func appendInt(b []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(n)) }

func appendTime(b []byte, t time.Time) []byte {
	return appendInt(appendInt(b, t.Unix()), int64(t.Nanosecond()))
}

func appendText(b []byte, s string) []byte {
	return append(appendInt(b, int64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = appendInt(b, int64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}
