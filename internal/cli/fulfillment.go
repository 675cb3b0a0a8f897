package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/fulfillment"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func (e *env) fulfillmentCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "fulfillment",
		Short: "Tell what was ordered and sent, by day, and how long it took",
		RunE:  func(c *cobra.Command, _ []string) error { return e.tellFulfillment(c.Context(), from, to) },
	}
	c.Flags().StringVar(&from, "from", "", "the first shop day, YYYY-MM-DD (default 29 days before the last)")
	c.Flags().StringVar(&to, "to", "", "the last shop day, YYYY-MM-DD (default today)")
	return c
}

// fulfilled is what the command prints as JSON.
type fulfilled struct {
	Totals fulfillment.Totals `json:"totals"`
	Days   []fulfillment.Day  `json:"days"`
}

func (e *env) tellFulfillment(ctx context.Context, from, to string) error {
	for _, f := range []struct{ flag, day string }{{"--from", from}, {"--to", to}} {
		if _, err := shop.ParseDay(f.day); f.day != "" && err != nil {
			return errs.WithRemedy(fmt.Errorf("%s: %w", f.flag, err), "give a day such as 2026-11-23, or leave it out")
		}
	}
	var told fulfilled
	err := e.withPlatform(ctx, func(p *app.Platform) (err error) {
		s, period := fulfillment.New(p.DB), shop.Period{From: shop.Day(from), To: shop.Day(to)}
		if told.Totals, err = s.Sum(ctx, period); err != nil {
			return err
		}
		told.Days, err = s.Days(ctx, told.Totals.Period, maxListed)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(told, func(w io.Writer) {
		t := told.Totals
		fmt.Fprintf(w, "%s to %s: %s orders, %s fulfillments, success rate %s, %s hours to fulfil, 9 of 10 within %s\n", t.From, t.To,
			thousands(t.Orders), thousands(t.Fulfillments), percent(t.SuccessRate), decimal(t.Hours.P50), decimal(t.Hours.P90))
		if !t.UpToDate {
			fmt.Fprintln(w, "a sync has brought changes that are not counted yet")
		}
		rows := [][]string{{"DAY", "ORDERS", "FULFILLMENTS", "SUCCEEDED", "FAILED", "CANCELLED", "OPEN", "RATE"}}
		for _, d := range told.Days {
			rows = append(rows, []string{
				string(d.Day), thousands(d.Orders), thousands(d.Fulfillments), thousands(d.Succeeded), thousands(d.Failed),
				thousands(d.Cancelled), thousands(d.Open), percent(d.SuccessRate),
			})
		}
		table(w, rows)
	})
}

// percent writes a part of a whole, "–" where it is unknown.
func percent(part *float64) string {
	if part == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", *part*100)
}

// decimal writes a number with one decimal, "–" where it is unknown.
func decimal(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *x)
}
