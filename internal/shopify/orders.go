package shopify

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
)

// Orders fetches whole orders by id, with all their lines, refunds and lines
// of refunds.
func (c *Client) Orders(ctx context.Context, ids []shop.ID) (Found[shop.Order], error) {
	return byID(ctx, c, docOrdersByID, "Order", ids, []string{"lines", "refundLines"},
		func(ctx context.Context, raw json.RawMessage) (shop.ID, shop.Order, error) {
			var o shop.Order
			pages, err := jsonl.DecodeNode(raw, &o)
			if err != nil {
				return 0, o, unreadable{err}
			}
			return o.ID, o, c.complete(ctx, &o, pages)
		})
}

// OrderRefunds are the refunds of an order, with all their lines.
type OrderRefunds struct {
	OrderID   shop.ID
	UpdatedAt time.Time // of the order when they were read
	Refunds   []shop.Refund
}

// Refunds fetches the refunds of orders, which bulk operations can't export
// with their lines.
func (c *Client) Refunds(ctx context.Context, orders []shop.ID) (Found[OrderRefunds], error) {
	return byID(ctx, c, docOrderRefunds, "Order", orders, []string{"refundLines"},
		func(ctx context.Context, raw json.RawMessage) (shop.ID, OrderRefunds, error) {
			var o shop.Order
			pages, err := jsonl.DecodeRefunds(raw, &o)
			if err != nil {
				return 0, OrderRefunds{}, unreadable{err}
			}
			if err := c.complete(ctx, &o, pages); err != nil {
				return 0, OrderRefunds{}, err
			}
			return o.ID, OrderRefunds{o.ID, o.UpdatedAt, o.Refunds}, nil
		})
}

// Products fetches products by id.
func (c *Client) Products(ctx context.Context, ids []shop.ID) (Found[shop.Product], error) {
	return byID(ctx, c, docProductsByID, "Product", ids, nil,
		func(_ context.Context, raw json.RawMessage) (shop.ID, shop.Product, error) {
			var p shop.Product
			if err := jsonl.DecodeProduct(raw, &p); err != nil {
				return 0, p, unreadable{err}
			}
			return p.ID, p, nil
		})
}

// complete fetches what the first page of an order's connections lacked.
func (c *Client) complete(ctx context.Context, o *shop.Order, pages jsonl.Pages) error {
	err := c.drain(ctx, docOrderLinesPage, o.ID.GID("Order"), "order", "lineItems", pages.Lines,
		func(raw json.RawMessage) (string, error) {
			lines, next, err := jsonl.DecodeLines(raw, o.ID)
			o.Lines = append(o.Lines, lines...)
			return next, err
		})
	if err != nil {
		return err
	}
	for id, cursor := range pages.Refunds {
		i := slices.IndexFunc(o.Refunds, func(r shop.Refund) bool { return r.ID == id })
		if i < 0 {
			continue
		}
		refund := &o.Refunds[i]
		err := c.drain(ctx, docRefundLinesPage, id.GID("Refund"), "refund", "refundLineItems", cursor,
			func(raw json.RawMessage) (string, error) {
				lines, next, err := jsonl.DecodeRefundLines(raw)
				refund.Lines = append(refund.Lines, lines...)
				return next, err
			})
		if err != nil {
			return err
		}
	}
	return nil
}
