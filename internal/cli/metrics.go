package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/performance"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func (e *env) metricsCommand() *cobra.Command {
	var f performance.Filters
	var asOf, sort string
	var limit int
	c := &cobra.Command{
		Use:   "metrics",
		Short: "List what products sold, with their tiers, or sum them up",
		RunE: func(c *cobra.Command, _ []string) error {
			return e.listMetrics(c.Context(), f, asOf, sort, limit)
		},
	}
	c.Flags().StringVar(&f.Tier, "tier", "", "only products of this tier: top_riser, winner, archive_candidate, banana or none")
	c.Flags().StringVar(&f.Tag, "tag", "", "only products with this tag")
	c.Flags().StringVar(&sort, "sort", "-unitsLast30Days", "by this, such as title or netSalesTotal; with a minus, the greatest first")
	c.Flags().IntVar(&limit, "limit", 20, "how many products, at most 500")
	c.PersistentFlags().StringVar(&asOf, "as-of", "", "as of this shop day, YYYY-MM-DD (default today)")
	c.AddCommand(&cobra.Command{
		Use: "summary", Short: "Sum all products, and count them by tier", Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return e.sumMetrics(c.Context(), asOf) },
	})
	return c
}

// dayOf reads the flag --as-of.
func dayOf(text string) (shop.Day, error) {
	if text == "" {
		return "", nil
	}
	day, err := shop.ParseDay(text)
	if err != nil {
		err = errs.WithRemedy(fmt.Errorf("--as-of: %w", err), "give a day such as 2026-11-23, or leave it out for today")
	}
	return day, err
}

func (e *env) listMetrics(ctx context.Context, f performance.Filters, asOf, sort string, limit int) (err error) {
	if f.AsOf, err = dayOf(asOf); err != nil {
		return err
	}
	switch {
	case limit < 1 || limit > 500:
		return errs.WithRemedy(fmt.Errorf("--limit is not between 1 and 500: %w", errs.Invalid), "leave it out for the first 20")
	case f.Tier != "" && !slices.Contains(performance.Tiers(), f.Tier):
		return errs.WithRemedy(fmt.Errorf("--tier is no tier: %w", errs.Invalid), fmt.Sprintf("take one of %q", performance.Tiers()))
	case !slices.Contains(performance.Orders(), sort):
		return errs.WithRemedy(fmt.Errorf("--sort is no order: %w", errs.Invalid), fmt.Sprintf("take one of %q", performance.Orders()))
	}
	var list []performance.Entry
	err = e.withPlatform(ctx, func(p *app.Platform) (err error) {
		list, err = performance.New(p.DB).Find(ctx, f, sort, limit)
		return err
	})
	if err != nil {
		return err
	}
	if list == nil {
		list = []performance.Entry{}
	}
	return e.print(list, func(w io.Writer) {
		rows := [][]string{{"PRODUCT", "TITLE", "TIER", "7 DAYS", "30 DAYS", "TOTAL", "NET SALES, 30 DAYS", "TREND"}}
		for _, m := range list {
			rows = append(rows, []string{
				m.ProductID.String(), m.Title, m.Tier, number(*m.Units.Last7Days), number(*m.Units.Last30Days), number(*m.Units.Total),
				m.NetSales.Last30Days.Amount.String() + " " + m.NetSales.Last30Days.Currency, m.Trend,
			})
		}
		table(w, rows)
	})
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (e *env) sumMetrics(ctx context.Context, asOf string) error {
	day, err := dayOf(asOf)
	if err != nil {
		return err
	}
	var s performance.Summary
	err = e.withPlatform(ctx, func(p *app.Platform) (err error) {
		s, err = performance.New(p.DB).Summarize(ctx, day)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(s, func(w io.Writer) {
		fmt.Fprintf(w, "%d products as of %s, %d active; %d units and %s %s net in the last 30 days\n", s.Products, s.AsOf, s.Active,
			s.Units.Last30Days, s.NetSales.Last30Days.Amount, s.NetSales.Last30Days.Currency)
		if s.HistorySince != nil {
			fmt.Fprintf(w, "orders from before %s are missing: what was published earlier is no top riser\n", instant(s.HistorySince))
		}
		rows := [][]string{{"TIER", "PRODUCTS", "FIRST OF", "UNITS, 30 DAYS", "NET SALES, 30 DAYS"}}
		for _, t := range s.Tiers {
			rows = append(rows, []string{t.Tier, strconv.Itoa(t.Holds), strconv.Itoa(t.Primary), number(t.Units), t.NetSales.Amount.String() + " " + t.NetSales.Currency})
		}
		table(w, rows)
	})
}
