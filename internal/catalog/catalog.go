// Package catalog keeps the shop, its products, their tags and the links
// between them. It is the one place that writes these tables, for every
// scenario that brings products in.
package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// AdoptShop remembers the shop that this database serves, or holds the given
// one against it: a database serves one shop, so that a sandbox's data never
// mix with real ones.
func AdoptShop(ctx context.Context, tx pg.Tx, info shop.Info) (err error) {
	defer errs.Wrap(&err, "adopt shop %s", info.Domain)
	q := pgdb.New(tx)
	stored, err := q.ReadShop(ctx)
	switch {
	case pg.NoRows(err):
	case err != nil:
		return err
	case shop.ID(stored.ShopID) != info.ID:
		return errs.WithRemedy(
			fmt.Errorf("this database holds the data of %s: %w", stored.Domain, errs.Conflict),
			"configure that shop, or set MACRODATA_DATABASE_URL or MACRODATA_DATA_DIR to a place of this shop's own")
	}
	return q.SaveShop(ctx, pgdb.SaveShopParams{
		ShopID: int64(info.ID), Domain: info.Domain, Name: info.Name,
		Currency: info.Currency, TimeZone: info.TimeZone,
	})
}

// Shop returns the shop that this database serves, or errs.NotFound before
// the first sync.
func Shop(ctx context.Context, db pgdb.DBTX) (shop.Info, error) {
	s, err := pgdb.New(db).ReadShop(ctx)
	if pg.NoRows(err) {
		return shop.Info{}, fmt.Errorf("no shop has been synced yet: %w", errs.NotFound)
	}
	return shop.Info{
		ID: shop.ID(s.ShopID), Domain: s.Domain, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
	}, err
}

// Calendar is what the shop counts its days and its money in.
type Calendar struct {
	Zone     *time.Location
	Currency string
}

// Today is the shop's day now.
func (c Calendar) Today() shop.Day { return shop.DayOf(time.Now(), c.Zone) }

// ReadCalendar reads the shop's. Before the first sync there is none, and nothing is
// made up in its place: it is errs.Conflict.
func ReadCalendar(ctx context.Context, db pgdb.DBTX) (c Calendar, err error) {
	info, err := Shop(ctx, db)
	if errs.Kind(err) == "not_found" {
		return c, errs.WithRemedy(fmt.Errorf("no shop has been synced yet, so its days and its currency aren't known: %w", errs.Conflict),
			"run the first sync: `macrodata sync`, or POST /api/performance-metrics/sync")
	}
	if err != nil {
		return c, err
	}
	c.Currency = info.Currency
	if c.Zone, err = time.LoadLocation(info.TimeZone); err != nil {
		return c, fmt.Errorf("time zone of the shop: %w: %w", err, errs.Corrupt)
	}
	return c, nil
}

// Batch holds products on their way into a transaction. A product that is
// added twice is kept in its newer version.
type Batch struct {
	products, tags *pg.Copy
	at             map[shop.ID]int
	list           []staged
}

type staged struct {
	shop.Product
	line       int64
	deliveries int
}

// NewBatch returns an empty batch.
func NewBatch() *Batch {
	return &Batch{
		products: pg.NewCopy("line_no", "product_id", "title", "handle", "vendor", "product_type", "status",
			"image_url", "created_at", "published_at", "source_updated_at", "content_hash", "deliveries"),
		tags: pg.NewCopy("product_id", "name"),
		at:   map[shop.ID]int{},
	}
}

// Reset empties the batch.
func (b *Batch) Reset() {
	b.list = b.list[:0]
	clear(b.at)
}

// Len returns how many products it holds.
func (b *Batch) Len() int { return len(b.list) }

// Add puts a product in. line is where it stands in its file, 0 where it has
// none. The product's tags must not be changed afterwards.
func (b *Batch) Add(p shop.Product, line int64) {
	i, again := b.at[p.ID]
	if !again {
		b.at[p.ID] = len(b.list)
		b.list = append(b.list, staged{p, line, 1})
		return
	}
	n := b.list[i].deliveries + 1
	if !p.UpdatedAt.Before(b.list[i].UpdatedAt) {
		b.list[i] = staged{p, line, n}
	}
	b.list[i].deliveries = n
}

// Stage copies the batch into the transaction's stage tables.
func (b *Batch) Stage(ctx context.Context, tx pg.Tx) error {
	b.products.Reset()
	b.tags.Reset()
	for i := range b.list {
		p := &b.list[i]
		c := b.products
		c.Row()
		c.Int8(p.line)
		c.ID(p.ID)
		c.Text(p.Title)
		c.Text(p.Handle)
		c.Text(p.Vendor)
		c.Text(p.ProductType)
		c.Text(p.Status)
		c.TextOrNull(p.ImageURL)
		c.Time(p.CreatedAt)
		c.Time(p.PublishedAt)
		c.Time(p.UpdatedAt)
		c.Int8(int64(p.Hash))
		c.Int4(p.deliveries)
		for _, tag := range p.Tags {
			b.tags.Row()
			b.tags.ID(p.ID)
			b.tags.Text(tag)
		}
	}
	if err := tx.CopyIn(ctx, "stage_product", b.products); err != nil {
		return err
	}
	return tx.CopyIn(ctx, "stage_product_tag", b.tags)
}

// Changes counts what a batch changed.
type Changes struct {
	Products, NewTags, Linked, Unlinked int64
}

// Apply merges the staged products: what is newer is written, tags that are
// new are added, links follow, and product lines by the rules of the settings.
// What is stored already is not written again.
func Apply(ctx context.Context, tx pg.Tx, run uuid.UUID) (c Changes, err error) {
	defer errs.Wrap(&err, "apply products")
	// Held, and first: who changes the rules puts all products into their lines.
	set, err := settings.Hold(ctx, tx)
	if err != nil {
		return c, err
	}
	q := pgdb.New(tx)
	if c.Products, err = q.ApplyProducts(ctx, run); err != nil {
		return c, err
	}
	if c.NewTags, err = q.AddTags(ctx); err != nil {
		return c, err
	}
	if c.Unlinked, err = q.UnlinkTags(ctx); err != nil {
		return c, err
	}
	if c.Linked, err = q.LinkTags(ctx); err != nil {
		return c, err
	}
	return c, setStagedLines(ctx, q, run, set.ProductLines)
}

// Archive marks products as gone from Shopify. Their rows and links stay.
func Archive(ctx context.Context, tx pg.Tx, run uuid.UUID, ids []int64) (int64, error) {
	return pgdb.New(tx).ArchiveProducts(ctx, pgdb.ArchiveProductsParams{RunID: run, ProductIds: ids})
}
