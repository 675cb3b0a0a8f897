package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func (e *env) sandboxCommand() *cobra.Command {
	var listen, from, token string
	var orders int
	var seed uint64
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a Shopify simulator with a shop of any size, or of real transactions",
		Long: `Serves the Admin API of a made-up shop, or of one made from a CSV file with the
columns of UCI Online Retail (plain or gzipped): InvoiceNo, StockCode,
Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country. Prints the
settings with which another macrodata talks to it. Ctrl-C stops it.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if token == "" {
				token = "shpat_" + rand.Text()
			}
			shop, ledger, err := openShop(from, seed, orders)
			if err != nil {
				return err
			}
			server, err := serveShop(shopify.Config{Shop: shop, Token: token}, listen)
			if err != nil {
				return err
			}
			defer server.Close() //nolint:errcheck // it keeps nothing
			settings := struct {
				Shop   string `json:"MACRODATA_SHOPIFY_SHOP"`
				Token  string `json:"MACRODATA_SHOPIFY_TOKEN"` // of a shop that doesn't exist
				URL    string `json:"MACRODATA_SHOPIFY_URL"`
				Ledger any    `json:"ledger,omitempty"`
			}{shop.Info().Domain, token, server.URL(), ledger}
			err = e.print(settings, func(w io.Writer) {
				fmt.Fprintf(w, "MACRODATA_SHOPIFY_SHOP=%s\nMACRODATA_SHOPIFY_TOKEN=%s\nMACRODATA_SHOPIFY_URL=%s\n",
					settings.Shop, settings.Token, settings.URL)
			})
			if err != nil {
				return err
			}
			e.say("Ctrl-C stops the sandbox.")
			<-c.Context().Done()
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the Admin API")
	c.Flags().StringVar(&from, "from", "", "CSV file of real transactions")
	c.Flags().StringVar(&token, "token", "", "access token to demand; a random one where left out")
	c.Flags().IntVar(&orders, "orders", 5000, "orders of the made-up shop")
	c.Flags().Uint64Var(&seed, "seed", 1, "of the made-up shop")
	return c
}

// openShop makes the shop, and for one of real transactions the ledger that
// says what became of each row.
func openShop(from string, seed uint64, orders int) (shopify.Shop, any, error) {
	if from == "" {
		if err := checkOrders(orders); err != nil {
			return nil, nil, err
		}
		s, err := madeUpShop(seed, orders, time.Now().UTC().Truncate(time.Hour))
		return s, nil, err
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	s, err := shops.FromOnlineRetail(f, shops.RetailOptions{})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Ledger(), nil
}

// checkOrders refuses a made-up shop without orders, before it is written down.
func checkOrders(n int) error {
	if n < 1 {
		return errs.WithRemedy(fmt.Errorf("--orders is less than 1: %w", errs.Invalid), "leave it out for the default")
	}
	return nil
}
