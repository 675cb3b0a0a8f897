package catalog

import (
	"context"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// lineRows is how many products are looked at in one statement.
const lineRows = 25_000

// SetLines puts every product into the product line that rules say. Whoever calls
// it holds the settings, so that nobody goes by other rules meanwhile.
func SetLines(ctx context.Context, tx pg.Tx, rules []settings.LineRule) (err error) {
	defer errs.Wrap(&err, "set product lines")
	q := pgdb.New(tx)
	p := pgdb.ProductsByLineParams{PageRows: lineRows}
	for {
		page, err := q.ProductsByLine(ctx, p)
		if err != nil {
			return err
		}
		var m moves
		for i := range page {
			r := &page[i]
			m.add(rules, r.ProductLine, shop.Product{ID: shop.ID(r.ProductID), Title: r.Title, Vendor: r.Vendor, ProductType: r.ProductType, Tags: r.Tags})
		}
		if err := m.write(ctx, q); err != nil {
			return err
		}
		if len(page) < lineRows {
			return nil
		}
		p.After = page[len(page)-1].ProductID
	}
}

// setStagedLines does the same for what a run has just merged from the stage.
func setStagedLines(ctx context.Context, q *pgdb.Queries, run uuid.UUID, rules []settings.LineRule) error {
	list, err := q.StagedByLine(ctx, run)
	if err != nil {
		return err
	}
	var m moves
	for i := range list {
		r := &list[i]
		m.add(rules, r.ProductLine, shop.Product{ID: shop.ID(r.ProductID), Title: r.Title, Vendor: r.Vendor, ProductType: r.ProductType, Tags: r.Tags})
	}
	return m.write(ctx, q)
}

// moves are products that come into another line.
type moves pgdb.MoveLinesParams

func (m *moves) add(rules []settings.LineRule, now string, p shop.Product) {
	if line := settings.ProductLine(rules, p); line != now {
		m.ProductIds, m.Lines = append(m.ProductIds, int64(p.ID)), append(m.Lines, line)
	}
}

func (m *moves) write(ctx context.Context, q *pgdb.Queries) error {
	if len(m.ProductIds) == 0 {
		return nil
	}
	return q.MoveLines(ctx, pgdb.MoveLinesParams(*m))
}
