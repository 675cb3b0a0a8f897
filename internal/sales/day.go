package sales

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Sum is what PostgreSQL or the lakehouse holds of some sales: lines that are
// not deleted, cancelled and test orders included, and what counts of them.
type Sum struct {
	Lines         int64       `json:"lines"`
	Units         int64       `json:"units"`
	RefundedUnits int64       `json:"refundedUnits"`
	Gross         shop.Amount `json:"gross"`
	Discount      shop.Amount `json:"discount"`
	Net           shop.Amount `json:"net"`

	CountedLines int64       `json:"countedLines"` // of orders that are neither cancelled nor tests
	CountedNet   shop.Amount `json:"countedNet"`
}

// Plus returns the sum of both.
func (s Sum) Plus(o Sum) Sum {
	return Sum{
		s.Lines + o.Lines, s.Units + o.Units, s.RefundedUnits + o.RefundedUnits,
		s.Gross + o.Gross, s.Discount + o.Discount, s.Net + o.Net,
		s.CountedLines + o.CountedLines, s.CountedNet + o.CountedNet,
	}
}

// String says it for people.
func (s Sum) String() string {
	return fmt.Sprintf("%d lines, %d units, %d refunded, gross %s, discount %s, net %s; counted %d lines, net %s",
		s.Lines, s.Units, s.RefundedUnits, s.Gross, s.Discount, s.Net, s.CountedLines, s.CountedNet)
}

// Day is the sum of a shop day in a currency.
type Day struct {
	Start    time.Time // the day's first instant
	Currency string
	Sum
}

// Query is the name of the lakehouse's query that answers what [Stored] does of
// PostgreSQL. Its parameters are days, since and until, its columns those of a
// [Day], in order.
const Query = "sales_proof"

//go:embed lake/*.sql
var files embed.FS

// Queries are the files of the lakehouse's queries.
func Queries() fs.FS {
	sub, err := fs.Sub(files, "lake")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Stored sums what PostgreSQL holds of shop days that follow one another. They
// come as their first instants; the last ends at until. Days and currencies
// without sales are left out.
func Stored(ctx context.Context, db *pg.DB, days []time.Time, until time.Time) (list []Day, err error) {
	defer errs.Wrap(&err, "sum stored sales by day")
	if len(days) == 0 {
		return nil, nil
	}
	found, err := pgdb.New(db).StoredSales(ctx, pgdb.StoredSalesParams{Days: days, Since: days[0], Until: until})
	for _, d := range found {
		list = append(list, Day{days[d.DayNo-1], d.Currency, Sum{
			d.Lines, d.Units, d.RefundedUnits, d.GrossSales, d.Discount, d.NetSales, d.CountedLines, d.CountedNetSales,
		}})
	}
	return list, err
}
