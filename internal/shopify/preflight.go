package shopify

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Preflight is what has to be known before a sync.
type Preflight struct {
	Shop      shop.Info
	Scopes    []string  // granted, in alphabetical order
	Now       time.Time // Shopify's clock, UTC, cut to the second
	AllOrders bool      // read_all_orders is granted; otherwise orders older than 60 days are invisible
	Degraded  []string  // optional scopes that are missing, each with the fields left out

	// VersionSupported is false where the API version asked for is retired or
	// not released yet; see [Client.VersionAnswered].
	VersionSupported bool
}

var required = []string{"read_orders", "read_products"}

// Preflight asks who the shop is and what the app may see. A missing scope
// that nothing works without is errs.Denied.
func (c *Client) Preflight(ctx context.Context) (p Preflight, err error) {
	defer errs.Wrap(&err, "shopify: preflight")
	var data preflightData
	reply, err := c.do(ctx, request{doc: docPreflight}, &data)
	if err != nil {
		return p, err
	}
	scopes := c.learnScopes(data)
	for _, s := range required {
		if !scopes[s] {
			return p, errs.WithRemedy(fmt.Errorf("the app's token lacks the access scope %s: %w", s, errs.Denied),
				"Have a store admin grant the app "+strings.Join(required, " and ")+", install it again, and set MACRODATA_SHOPIFY_TOKEN to its token.")
		}
	}
	if p.Now, err = http.ParseTime(reply.header.Get("Date")); err != nil {
		return p, fmt.Errorf("answer has no date, which is the clock that sync windows need: %w", errs.Unavailable)
	}
	if p.Shop, err = data.info(); err != nil {
		return p, err
	}
	if !strings.EqualFold(p.Shop.Domain, c.shop) {
		return p, errs.WithRemedy(fmt.Errorf("%s answers as %s: %w", c.shop, clip(p.Shop.Domain), errs.Conflict),
			"Set MACRODATA_SHOPIFY_SHOP to the shop's own myshopify.com domain, not to an older name of it.")
	}
	p.Now = p.Now.UTC()
	p.Scopes = slices.Sorted(maps.Keys(scopes))
	p.AllOrders = scopes["read_all_orders"]
	fields := scopedFields(c.documents)
	for _, s := range slices.Sorted(maps.Keys(fields)) {
		if !scopes[s] {
			p.Degraded = append(p.Degraded, s+" (left out: "+strings.Join(fields[s], ", ")+")")
		}
	}
	for _, v := range data.PublicAPIVersions {
		p.VersionSupported = p.VersionSupported || v.Handle == c.version && v.Supported
	}
	return p, nil
}

type preflightData struct {
	Shop struct {
		ID              shop.ID `json:"id"`
		Name            string  `json:"name"`
		MyshopifyDomain string  `json:"myshopifyDomain"`
		CurrencyCode    string  `json:"currencyCode"`
		IANATimezone    string  `json:"ianaTimezone"`
	} `json:"shop"`
	CurrentAppInstallation struct {
		AccessScopes []struct {
			Handle string `json:"handle"`
		} `json:"accessScopes"`
	} `json:"currentAppInstallation"`
	PublicAPIVersions []struct {
		Handle    string `json:"handle"`
		Supported bool   `json:"supported"`
	} `json:"publicApiVersions"`
}

func (d *preflightData) info() (shop.Info, error) {
	i := shop.Info{
		ID:       d.Shop.ID,
		Domain:   d.Shop.MyshopifyDomain,
		Name:     d.Shop.Name,
		Currency: d.Shop.CurrencyCode,
		TimeZone: d.Shop.IANATimezone,
	}
	if _, err := time.LoadLocation(i.TimeZone); err != nil || i.TimeZone == "" {
		return i, fmt.Errorf("shop.ianaTimezone %q is unknown here: %w", clip(i.TimeZone), errs.Corrupt)
	}
	if i.ID == 0 || i.Domain == "" || len(i.Currency) != 3 {
		return i, fmt.Errorf("shop lacks its id, domain or currency: %w", errs.Corrupt)
	}
	return i, nil
}

// granted returns the app's scopes, asking Shopify where no call has yet.
func (c *Client) granted(ctx context.Context) (map[string]bool, error) {
	c.mu.Lock()
	scopes := c.scopes
	c.mu.Unlock()
	if scopes != nil {
		return scopes, nil
	}
	var data preflightData
	if _, err := c.do(ctx, request{doc: docPreflight}, &data); err != nil {
		return nil, err
	}
	return c.learnScopes(data), nil
}

// learnScopes keeps the granted scopes. The one to write implies the one to
// read, whether or not Shopify lists it.
func (c *Client) learnScopes(d preflightData) map[string]bool {
	scopes := map[string]bool{}
	for _, s := range d.CurrentAppInstallation.AccessScopes {
		scopes[s.Handle] = true
		if thing, ok := strings.CutPrefix(s.Handle, "write_"); ok {
			scopes["read_"+thing] = true
		}
	}
	c.mu.Lock()
	c.scopes = scopes
	c.mu.Unlock()
	return scopes
}
