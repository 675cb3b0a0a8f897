package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	icebergio "github.com/apache/iceberg-go/io"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // s3://
	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/macrodata-dev/macrodata/internal/disk"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

// catalogName is the name under which the catalog keeps its rows.
const catalogName = "macrodata"

// warehouse is where data files go, with the properties that reach it.
type warehouse struct {
	location string
	props    iceberg.Properties
}

// parseWarehouse reads MACRODATA_WAREHOUSE. A REST catalog may have a name for
// its warehouse that is no URL.
func parseWarehouse(raw string, named bool) (warehouse, error) {
	remedy := func(err error) error {
		return errs.WithRemedy(err, "set MACRODATA_WAREHOUSE to file:///path or s3://bucket/prefix?region=…&endpoint=…")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return warehouse{}, remedy(fmt.Errorf("the warehouse's URL can't be parsed: %w", errs.Invalid))
	case u.Scheme == "file" && filepath.IsAbs(u.Path):
		if err := os.MkdirAll(u.Path, 0o750); err != nil {
			return warehouse{}, fmt.Errorf("%w: %w", err, errs.Unavailable)
		}
		syncLocalFiles()
		return warehouse{strings.TrimSuffix(u.String(), "/"), iceberg.Properties{}}, nil
	case u.Scheme == "s3" && u.Host != "":
		return parseS3(u)
	case named && u.Scheme == "" && raw != "":
		return warehouse{raw, iceberg.Properties{}}, nil
	}
	return warehouse{}, remedy(fmt.Errorf("the warehouse %.80q is neither a folder nor a bucket: %w", u.Redacted(), errs.Invalid))
}

// parseS3 takes the parameters of the URL that the object storage's have too.
// Keys come from the environment, as every AWS program reads them.
func parseS3(u *url.URL) (warehouse, error) {
	w := warehouse{strings.TrimSuffix("s3://"+u.Host+u.Path, "/"), iceberg.Properties{}}
	for name, values := range u.Query() {
		switch name {
		case "region":
			w.props[icebergio.S3Region] = values[0]
		case "endpoint":
			w.props[icebergio.S3EndpointURL] = values[0]
			// Other makers' servers refuse the checksums that Amazon's takes.
			w.props[icebergio.S3CompatMode] = "true"
		case "use_path_style", "s3ForcePathStyle":
			// What the client does anyway where there is an endpoint.
		default:
			return warehouse{}, errs.WithRemedy(fmt.Errorf("the warehouse's parameter %.40q is not known: %w", name, errs.Invalid),
				"use region and endpoint in MACRODATA_WAREHOUSE")
		}
	}
	return w, nil
}

// openSQL opens the catalog in the program's own database, in its own schema,
// with two connections of its own: its statements name tables without a schema.
func (l *Lake) openSQL(ctx context.Context, w warehouse) (err error) {
	cc := l.db.Pool().Config().ConnConfig.Copy()
	cc.RuntimeParams["search_path"] = "lake"
	db := stdlib.OpenDB(*cc)
	db.SetMaxOpenConns(2)
	l.closers = append(l.closers, db)
	w.props["warehouse"] = w.location
	// Where two processes make the catalog's tables at once, PostgreSQL may
	// refuse one of them, whatever IF NOT EXISTS says.
	for range 5 {
		var c *sqlcatalog.Catalog
		if c, err = sqlcatalog.NewCatalog(catalogName, db, sqlcatalog.Postgres, w.props); err == nil {
			l.catalog = c
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return kind(err)
}

func (l *Lake) openREST(ctx context.Context, w warehouse) error {
	opts := []rest.Option{rest.WithWarehouseLocation(w.location), rest.WithAdditionalProps(w.props)}
	if l.cfg.Token != "" {
		opts = append(opts, rest.WithOAuthToken(l.cfg.Token))
	}
	c, err := rest.NewCatalog(ctx, catalogName, l.cfg.CatalogURL, opts...)
	if err != nil {
		return kind(err)
	}
	l.catalog = c
	l.closers = append(l.closers, c)
	return nil
}

// loadTable reads a table's metadata. The file may be gone by the time it is
// read, where others commit quickly: the catalog names a newer one by then. And a
// connection may be lost, which costs a reader nothing but another one.
func loadTable(ctx context.Context, c catalog.Catalog, id table.Identifier) (tbl *table.Table, err error) {
	for range 5 {
		tbl, err = c.LoadTable(ctx, id)
		if err == nil || ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) && !pg.Retryable(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(id, "."), kind(err))
	}
	return tbl, nil
}

// kind gives an error of the catalog or of the warehouse its kind.
func kind(err error) error {
	if err = disk.Full(err); err == nil || errs.Kind(err) != "internal" {
		return err
	}
	switch {
	case errors.Is(err, catalog.ErrNoSuchTable) || errors.Is(err, catalog.ErrNoSuchNamespace):
		return fmt.Errorf("%w: %w", err, errs.NotFound)
	case errors.Is(err, rest.ErrUnauthorized) || errors.Is(err, rest.ErrForbidden) || errors.Is(err, rest.ErrAuthorizationExpired):
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Denied),
			"give MACRODATA_CATALOG_TOKEN a token that may read and write the catalog and its storage")
	case says(err, "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied", "StatusCode: 403", "failed to retrieve credentials", "get credentials"):
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Denied),
			"give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY keys that may read, write, list and delete in MACRODATA_WAREHOUSE")
	case says(err, "NoSuchBucket"):
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Unavailable), "make the bucket of MACRODATA_WAREHOUSE, or name one that exists")
	case says(err, "StatusCode: 500", "StatusCode: 502", "StatusCode: 503", "StatusCode: 504", "SlowDown"):
		return fmt.Errorf("%w: %w", err, errs.Unavailable)
	case says(err, "no space left"):
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Unavailable), "make room on the warehouse's disk; the work goes on by itself")
	case errors.Is(err, rest.ErrServiceUnavailable) || errors.Is(err, rest.ErrServerError) || pg.Retryable(err):
		return fmt.Errorf("%w: %w", err, errs.Unavailable)
	}
	return err
}

// says reports whether an error's text has one of some words: the object store's
// client wraps what the server said beyond recognition.
func says(err error, words ...string) bool {
	text := err.Error()
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}
