package app

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// platform opens a platform on a database, for a shop.
func platform(t *testing.T, databaseURL, shop string, environ ...string) *Platform {
	t.Helper()
	c, err := Load(append(environ,
		"MACRODATA_DATABASE_URL="+databaseURL, "MACRODATA_BLOB_URL=mem://", "MACRODATA_DATA_DIR="+t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP="+shop, "MACRODATA_SHOPIFY_TOKEN=shpat_1"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPlatform(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// empty returns the address of a database without any migration.
func empty(t *testing.T) string {
	t.Helper()
	base := pgtest.URL(t)
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	admin := platform(t, base, "brand.myshopify.com")
	u.Path += "_empty"
	if _, err := admin.DB.Pool().Exec(t.Context(), fmt.Sprintf("CREATE DATABASE %q", u.Path[1:])); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.DB.Pool().Exec(context.Background(), fmt.Sprintf("DROP DATABASE %q", u.Path[1:])); err != nil {
			t.Error(err)
		}
	})
	return u.String()
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("refuses a database that lacks migrations until they are applied", func(t *testing.T) {
		t.Parallel()
		p := platform(t, empty(t), "brand.myshopify.com")
		refused(t, p, "lacks", "run `macrodata migrate`")
		if applied, err := p.Migrate(t.Context()); err != nil || len(applied) == 0 {
			t.Fatalf("Migrate applied %v, %v", applied, err)
		}
		opens(t, p)
	})
	t.Run("refuses another shop than the one that is stored", func(t *testing.T) {
		t.Parallel()
		base := pgtest.URL(t)
		first := platform(t, base, "first.myshopify.com")
		_, err := first.DB.Exec(t.Context(), `INSERT INTO shop (shop_id, domain, name, currency, time_zone)
			VALUES (1, 'first.myshopify.com', 'First', 'USD', 'UTC')`)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, platform(t, base, "second.myshopify.com"), "the database holds the data of first.myshopify.com", "MACRODATA_DATABASE_URL")
		opens(t, first)
	})
}

func refused(t *testing.T, p *Platform, says, remedy string) {
	t.Helper()
	_, err := Open(t.Context(), p)
	if errs.Kind(err) != "conflict" || !strings.Contains(err.Error(), says) || !strings.Contains(errs.Remedy(err), remedy) {
		t.Errorf("Open gave %v with the remedy %q", err, errs.Remedy(err))
	}
}

func opens(t *testing.T, p *Platform) {
	t.Helper()
	a, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenPlatformTellsHowToMendTheDatabase(t *testing.T) {
	t.Parallel()
	c, err := Load([]string{"MACRODATA_DATABASE_URL=postgres://me:hunter2@127.0.0.1:1/x"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenPlatform(t.Context(), c, Options{})
	if errs.Kind(err) != "unavailable" || !strings.Contains(errs.Remedy(err), "MACRODATA_DATABASE_URL") {
		t.Errorf("OpenPlatform gave %v with the remedy %q", err, errs.Remedy(err))
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
}
