package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
)

func (e *env) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, database, object storage, lakehouse and Shopify, and say how to mend them",
		Long: `Changes nothing but objects that it writes and deletes, and makes the tables that
the lakehouse lacks. Exit code 3 means that something is to be mended.`,
		RunE: func(c *cobra.Command, _ []string) error { return e.doctor(c.Context()) },
	}
}

// finding is what the doctor says of one part.
type finding struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// examination collects findings.
type examination []finding

func (x *examination) add(part string, err error, text string) {
	f := finding{Part: part, OK: err == nil, Text: text}
	if err != nil {
		f.Text, f.Remedy = err.Error(), errs.Remedy(err)
	}
	*x = append(*x, f)
}

func (e *env) doctor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var x examination
	cfg, log, err := e.config()
	x.add("settings", err, "can be read")
	if err == nil {
		p, err := app.OpenPlatform(ctx, cfg, app.Options{Log: log, Say: e.say})
		text := ""
		if err == nil {
			text = p.Database() + " answers"
		}
		x.add("database", err, text)
		if err == nil {
			x.examine(ctx, p)
			if err := p.Close(); err != nil {
				return err
			}
		}
	}
	if err := e.print(x, func(w io.Writer) { x.print(w) }); err != nil {
		return err
	}
	for _, f := range x {
		if !f.OK {
			return errFault
		}
	}
	return nil
}

// examine looks at what stands on the database.
func (x *examination) examine(ctx context.Context, p *app.Platform) {
	pending, err := p.DB.Pending(ctx, db.Migrations())
	if err == nil && len(pending) > 0 {
		err = errs.WithRemedy(fmt.Errorf("%d migrations are to be applied", len(pending)), "run `macrodata migrate`")
	}
	x.add("schema", err, "is up to date")
	store, err := p.OpenBlob(ctx)
	if err == nil {
		key := "doctor/" + uuid.NewString()
		err = store.Put(ctx, key, func(w io.Writer) error { _, err := io.WriteString(w, "ok"); return err })
		err = errors.Join(err, store.Delete(ctx, key), store.Close())
	}
	x.add("object storage", err, "can be written and read")
	x.lakehouse(ctx, p)
	x.shopify(ctx, p)
}

func (x *examination) lakehouse(ctx context.Context, p *app.Platform) {
	h, err := p.OpenLakehouse(ctx)
	var list []lake.TableStatus
	if err == nil {
		list, err = h.Lake.Status(ctx)
		err = closeAfter(err, h.Close)
	}
	if err == nil {
		err = p.CheckWarehouse(ctx)
	}
	if err != nil && errs.Remedy(err) == "" {
		err = errs.WithRemedy(err, "see that MACRODATA_CATALOG_URL and MACRODATA_WAREHOUSE are right and can be reached from here, with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where it is a bucket")
	}
	var waiting int64
	for _, t := range list {
		waiting += t.WaitingRows
	}
	x.add("lakehouse", err, fmt.Sprintf("%d tables can be written and read, %s rows wait", len(list), thousands(waiting)))
}

func (x *examination) shopify(ctx context.Context, p *app.Platform) {
	if p.Config.ShopifyShop == "" {
		x.add("shopify", errs.WithRemedy(errors.New("no shop is configured"),
			"set MACRODATA_SHOPIFY_SHOP and MACRODATA_SHOPIFY_TOKEN, or use `macrodata dev` for a sandbox shop"), "")
		return
	}
	client, err := p.NewShopify()
	if err != nil {
		x.add("shopify", err, "")
		return
	}
	pre, err := client.Preflight(ctx)
	text := fmt.Sprintf("%s answers; scopes %s", pre.Shop.Domain, strings.Join(pre.Scopes, ", "))
	for _, d := range pre.Degraded {
		text += "; degraded: " + d
	}
	x.add("shopify", err, text)
	if err == nil && !pre.VersionSupported {
		x.add("shopify version", errs.WithRemedy(errors.New("Shopify supports this API version no longer"), "upgrade macrodata"), "")
	}
}

func (x examination) print(w io.Writer) {
	for _, f := range x {
		mark := "✓"
		if !f.OK {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s %-15s %s\n", mark, f.Part, f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(w, "  → %s\n", f.Remedy)
		}
	}
}
