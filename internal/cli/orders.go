package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/orderlookup"
)

func (e *env) ordersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "orders", Short: "Look orders up",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use: "lookup QUERY...", Short: "Find orders by name, id, gid or mail address",
		Long: `Finds the orders that each QUERY names: "#1001" or 1001, an id, a gid, or a mail
address. Where there are none, it finds those whose names begin so. --json tells
all that is known of them.`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, queries []string) error { return e.lookUpOrders(c.Context(), queries) },
	})
	return c
}

func (e *env) lookUpOrders(ctx context.Context, queries []string) error {
	if len(queries) > orderlookup.MaxQueries {
		return errs.WithRemedy(fmt.Errorf("%d queries are more than %d: %w", len(queries), orderlookup.MaxQueries, errs.Invalid), "look them up in parts")
	}
	var found orderlookup.Lookup
	err := e.withPlatform(ctx, func(p *app.Platform) (err error) {
		found, err = orderlookup.New(p.DB).LookUp(ctx, queries)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(found, func(w io.Writer) {
		rows := [][]string{{"QUERY", "ORDER", "ID", "PROCESSED", "TOTAL", "PAID", "SENT", "LINES", "MARKS"}}
		for _, r := range found.Results {
			if len(r.Orders) == 0 {
				rows = append(rows, []string{r.Query, "none"})
			}
			for _, o := range r.Orders {
				rows = append(rows, []string{
					r.Query, o.Name, o.OrderID.String(), instant(&o.ProcessedAt), o.Total.Amount.String() + " " + o.Total.Currency,
					o.FinancialStatus, o.FulfillmentStatus, fmt.Sprint(len(o.Lines)), strings.Join(o.Marks, ", "),
				})
			}
			if r.More {
				rows = append(rows, []string{r.Query, "and more"})
			}
		}
		table(w, rows)
	})
}
