package duck

import (
	"fmt"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// amounts lets money be copied into shop.Amount.
func amounts(dest []any) []any {
	for i, d := range dest {
		if a, ok := d.(*shop.Amount); ok {
			dest[i] = amount{a}
		}
	}
	return dest
}

// amount takes a decimal of the engine without passing through a float.
type amount struct{ to *shop.Amount }

func (a amount) Scan(src any) error {
	v, ok := src.(duckdb.Decimal)
	if !ok || v.Scale != 4 || v.Value == nil {
		return fmt.Errorf("amount comes from the lakehouse as %T: %w", src, errs.Corrupt)
	}
	if !v.Value.IsInt64() {
		return fmt.Errorf("amount exceeds 922,337,203,685,477: %w", errs.TooLarge)
	}
	*a.to = shop.Amount(v.Value.Int64())
	return nil
}
