package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shopify"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

// shopFiles is a simulated shop whose bulk results are ready, so that what is
// measured doesn't wait for a simulator that makes them.
type shopFiles struct {
	server *simulator.Server
	domain string
	token  string
	orders string // file of the orders with their lines
	bytes  int64  // of it
}

// lag is the product's default, the time before Shopify's clock that a sync
// leaves out.
const lag = 5 * time.Minute

// openShop makes a shop and its files: each asked for by the product's own
// client, with the window that a full sync has.
func (b *bench) openShop(ctx context.Context) (_ *shopFiles, err error) {
	b.Say(fmt.Sprintf("Making the files of a shop of %d orders …", b.orders))
	anchor := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	shop, err := shops.Generate(shops.Options{
		Orders: b.orders, Products: max(100, b.orders/20), Anchor: anchor, From: anchor.AddDate(-1, -6, 0),
	})
	if err != nil {
		return nil, err
	}
	f := &shopFiles{domain: shop.Info().Domain, token: "shpat_bench", orders: filepath.Join(b.dir, "orders.jsonl")}
	made := filepath.Join(b.dir, "made")
	if err := os.Mkdir(made, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(made) //nolint:errcheck // the temporary folder goes as a whole later
	f.server, err = simulator.New(simulator.Config{
		Shop: shop, Token: f.token, Dir: made, Clock: func() time.Time { return anchor },
		Plan: 1e6, // waiting for the rate limit is nothing to measure
	})
	if err != nil {
		return nil, err
	}
	if err = f.server.Listen("127.0.0.1:0"); err == nil {
		err = f.prepare(ctx, b.dir, shopify.Window(time.Time{}, anchor.Add(-lag)))
	}
	if err != nil {
		f.server.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return f, nil
}

// prepare exports what a full sync asks for and has the simulator answer with
// the files from now on.
func (f *shopFiles) prepare(ctx context.Context, dir, filter string) error {
	client, err := shopify.New(shopify.Config{Shop: f.domain, Token: f.token, URL: f.server.URL()})
	if err != nil {
		return err
	}
	// The first text that a query contains decides, so ids come last.
	exports := []struct {
		document    shopify.Document
		match, file string
	}{
		{shopify.BulkOrders, "lineItems", f.orders},
		{shopify.BulkProducts, "handle", filepath.Join(dir, "products.jsonl")},
		{shopify.BulkOrderIDs, "orders(", filepath.Join(dir, "order_ids.jsonl")},
		{shopify.BulkProductIDs, "products(", filepath.Join(dir, "product_ids.jsonl")},
	}
	for _, e := range exports {
		if err := export(ctx, client, shopify.BulkQuery{Document: e.document, Filter: filter, Name: "bench"}, e.file); err != nil {
			return err
		}
	}
	for _, e := range exports {
		if err := f.server.Prepare(e.match, e.file); err != nil {
			return err
		}
	}
	info, err := os.Stat(f.orders)
	if err == nil {
		f.bytes = info.Size()
	}
	return err
}

// export writes the result of a bulk query to a file.
func export(ctx context.Context, client *shopify.Client, q shopify.BulkQuery, path string) (err error) {
	b, err := client.StartBulk(ctx, q)
	if err != nil {
		return err
	}
	for tick := time.Tick(20 * time.Millisecond); !b.Done(); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick:
		}
		if b, err = client.PollBulk(ctx, b.ID); err != nil {
			return err
		}
	}
	if err := b.Err(); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	_, err = client.Download(ctx, b, shopify.Range{}, out)
	return err
}
