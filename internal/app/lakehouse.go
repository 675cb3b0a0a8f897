package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/duck"
	"github.com/macrodata-dev/macrodata/internal/sales"
	"github.com/macrodata-dev/macrodata/internal/telemetry"
)

// Lakehouse is the tables of facts, and the engine that answers questions from
// them.
type Lakehouse struct {
	Lake *lake.Lake
	Duck *Duck
}

// OpenLakehouse opens the lakehouse of a platform whose database is migrated,
// and makes the tables that it lacks. Nothing drains the outbox by that.
func (p *Platform) OpenLakehouse(ctx context.Context) (*Lakehouse, error) {
	if err := p.checkSchema(ctx); err != nil {
		return nil, err
	}
	return p.openLakehouse(ctx)
}

func (p *Platform) openLakehouse(ctx context.Context) (*Lakehouse, error) {
	c := p.Config
	warehouse, err := c.warehouse(p.DataDir)
	if err != nil {
		return nil, err
	}
	l, err := lake.Open(ctx, lake.Config{
		DB: p.DB, Log: p.Log, CatalogURL: c.CatalogURL, Token: string(c.CatalogToken), Warehouse: warehouse,
		FlushRows: c.LakeFlushRows, FlushAge: c.LakeFlushAge,
		KeepSnapshots: c.LakeKeepSnapshots, KeepTags: c.LakeKeepTags, KeepTelemetry: c.LakeKeepTelemetry,
	})
	if err != nil {
		return nil, err
	}
	d := &Duck{
		cfg: duck.Config{
			Lake: l, Warehouse: warehouse, Queries: lakeQueries(), MemoryLimit: c.LakeMemory,
		},
		scratch: filepath.Join(p.DataDir, "duck"),
	}
	return &Lakehouse{Lake: l, Duck: d}, nil
}

// lakeQueries are the files of all that the lakehouse is asked.
func lakeQueries() []fs.FS {
	list := []fs.FS{sales.Queries(), telemetry.Queries()}
	for _, s := range Declarations() {
		if s.Queries != nil {
			list = append(list, s.Queries)
		}
	}
	return list
}

// Close ends the queries that run and disconnects.
func (h *Lakehouse) Close() error { return errors.Join(h.Duck.Close(), h.Lake.Close()) }

// CheckWarehouse writes an object into the warehouse and deletes it, where the
// warehouse is a folder or a bucket. What a REST catalog has a name for can't be
// reached past the catalog.
func (p *Platform) CheckWarehouse(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "write to the warehouse")
	warehouse, err := p.Config.warehouse(p.DataDir)
	if err != nil {
		return err
	}
	u, err := url.Parse(warehouse)
	if err != nil || u.Scheme == "" {
		return nil // a name
	}
	folder := ""
	if u.Scheme == "s3" {
		// As the tables' own client does: other makers' servers know neither
		// buckets as hosts nor Amazon's newer checksums.
		q := u.Query()
		if q.Has("endpoint") {
			q.Set("use_path_style", "true")
			q.Set("request_checksum_calculation", "when_required")
		}
		folder, u.Path, u.RawQuery = strings.Trim(u.Path, "/")+"/", "", q.Encode()
	}
	store, err := blob.Open(ctx, u.String())
	if err == nil {
		key := strings.TrimPrefix(folder+"doctor/"+uuid.NewString(), "/")
		err = store.Put(ctx, key, func(w io.Writer) error { _, err := io.WriteString(w, "ok"); return err })
		if err == nil {
			err = store.Delete(ctx, key)
		}
		err = errors.Join(err, store.Close())
	}
	if err != nil {
		// The storage's own remedy names the setting of another one.
		err = errs.WithRemedy(errors.New(err.Error()), "see that MACRODATA_WAREHOUSE exists and that this user, or its AWS_* keys, may write and delete there")
	}
	return err
}

// warehouse is where the files of the lakehouse are, made from the data folder
// where nothing is set.
func (c Config) warehouse(dataDir string) (string, error) {
	if c.Warehouse != "" {
		return c.Warehouse, nil
	}
	path, err := filepath.Abs(filepath.Join(dataDir, "warehouse"))
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), err
}

func (c Config) checkLake() error {
	if err := c.checkCatalog(); err != nil {
		return err
	}
	if err := c.checkWarehouse(); err != nil {
		return err
	}
	switch {
	case c.LakeFlushRows < 1_000 || c.LakeFlushRows > 1<<20:
		return fmt.Errorf("MACRODATA_LAKE_FLUSH_ROWS is not between 1,000 and 1,048,576: %w", errs.Invalid)
	case c.LakeFlushAge < time.Second:
		return fmt.Errorf("MACRODATA_LAKE_FLUSH_AGE is less than 1s: %w", errs.Invalid)
	case c.LakeKeepSnapshots < time.Hour || c.LakeKeepTags < time.Hour:
		return fmt.Errorf("MACRODATA_LAKE_KEEP_SNAPSHOTS or _TAGS is less than 1h: %w", errs.Invalid)
	case c.LakeKeepTelemetry < 24*time.Hour:
		return fmt.Errorf("MACRODATA_LAKE_KEEP_TELEMETRY is less than 24h: %w", errs.Invalid)
	case c.LakeMemory < 64<<20:
		return fmt.Errorf("MACRODATA_LAKE_MEMORY is less than 67,108,864: %w", errs.Invalid)
	case c.RollupMemory < 0:
		return fmt.Errorf("MACRODATA_ROLLUP_MEMORY is negative: %w", errs.Invalid)
	}
	return nil
}

func (c Config) checkCatalog() error {
	if c.CatalogURL == "" {
		if c.CatalogToken != "" {
			return fmt.Errorf("MACRODATA_CATALOG_TOKEN is set without MACRODATA_CATALOG_URL: %w", errs.Invalid)
		}
		return nil
	}
	u, err := url.Parse(c.CatalogURL)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("MACRODATA_CATALOG_URL is no https:// address: %w", errs.Invalid)
	case u.User != nil:
		return fmt.Errorf("MACRODATA_CATALOG_URL holds a password, which belongs into MACRODATA_CATALOG_TOKEN: %w", errs.Invalid)
	case c.Warehouse == "":
		return fmt.Errorf("MACRODATA_CATALOG_URL is set without MACRODATA_WAREHOUSE: %w", errs.Invalid)
	}
	return nil
}

func (c Config) checkWarehouse() error {
	u, err := url.Parse(c.Warehouse)
	switch {
	case err != nil:
	case c.Warehouse == "", c.CatalogURL != "" && u.Scheme == "",
		u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
		return nil
	case u.User != nil:
		return fmt.Errorf("MACRODATA_WAREHOUSE holds keys, which belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", errs.Invalid)
	case u.Scheme == "s3" && u.Host != "":
		return nil
	}
	return fmt.Errorf("MACRODATA_WAREHOUSE is neither file:///path nor s3://bucket/prefix?region=…&endpoint=…: %w", errs.Invalid)
}
