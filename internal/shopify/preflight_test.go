package shopify

import (
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func TestPreflight(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), nil)
	p, err := c.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Shop != brand {
		t.Errorf("shop is %+v, want %+v", p.Shop, brand)
	}
	if !p.Now.Equal(noon) || !p.AllOrders || !p.VersionSupported || len(p.Degraded) != 0 || !slices.IsSorted(p.Scopes) {
		t.Errorf("preflight is %+v, want everything there at noon", p)
	}
	if v := c.VersionAnswered(); v != Version {
		t.Errorf("VersionAnswered = %q, want %q", v, Version)
	}
}

func TestPreflightTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), func(cfg *sandbox.Config) { cfg.Scopes = []string{"read_orders", "write_products"} })
	p, err := c.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"read_customers (left out: customer, email, shippingAddress)"}
	if p.AllOrders || !slices.Equal(p.Degraded, want) {
		t.Errorf("preflight is %+v, want only recent orders and %q", p, want)
	}
}

func TestPreflightStopsWithoutARequiredScope(t *testing.T) {
	t.Parallel()
	_, c := simulator(t, orderShelf(1), func(cfg *sandbox.Config) { cfg.Scopes = []string{"read_orders"} })
	_, err := c.Preflight(t.Context())
	if errs.Kind(err) != "denied" || !strings.Contains(err.Error(), "read_products") || errs.Remedy(err) == "" {
		t.Errorf("error is %v (%s), want a denied that names read_products and what to do", err, errs.Remedy(err))
	}
}

func TestPreflightSeesThatTheVersionIsRetired(t *testing.T) {
	t.Parallel()
	server, _ := simulator(t, orderShelf(1), nil)
	c, err := New(Config{Shop: brand.Domain, Token: testToken, URL: server.URL(), Version: "2024-01"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Preflight(t.Context())
	if err != nil || p.VersionSupported || c.VersionAnswered() == "2024-01" {
		t.Errorf("supported %v, answered %q, %v", p.VersionSupported, c.VersionAnswered(), err)
	}
}
