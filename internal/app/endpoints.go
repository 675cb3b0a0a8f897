package app

import (
	"context"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/telemetry"
)

// endpoints lists all that is served. It works on the zero App, for the
// document.
func (a *App) endpoints() []api.Endpoint {
	set := settings.New(a.DB, catalog.SetLines)
	var offered []api.Endpoint
	undoers := []api.Undoer{set.Undo()}
	for _, s := range a.Scenarios.declared() {
		offered, undoers = append(offered, s.Endpoints...), append(undoers, s.Undoers...)
	}
	return slices.Concat(
		[]api.Endpoint{
			api.Get("/api/me", "getMe", "Tells who is signed in, and which shop this is.", a.me),
			api.Get("/api/health", "getHealth", "Tells how the parts of the program are, and what to do about those that aren't well.", a.health,
				api.Describe("The answer is 200 whatever the health is: what counts is in it. For machines there are /healthz and /readyz on an address of their own.")),
		},
		offered,
		[]api.Endpoint{telemetry.Endpoint(eventLake{a}, a.Runs)},
		set.Endpoints(),
		api.Changes(a.DB, undoers...),
		scenarioEndpoints(),
	)
}

// newAPI makes the API of the program. observe, unless nil, is told of each
// request.
func (a *App) newAPI(observe func(pattern string, status int, took time.Duration)) (*api.API, error) {
	return api.New(api.Config{
		Title: "macrodata", Version: "1",
		Description: "The operations platform of a Shopify brand. Every path is behind Cloudflare Access.",
		DB:          a.DB, Log: a.Log, Shop: a.shop, Observe: observe,
	}, a.endpoints()...)
}

// OpenAPI returns the document of all that the program serves, as YAML or as
// JSON. It needs no database.
func OpenAPI() (yaml, json []byte, err error) {
	doors, err := (&App{Platform: &Platform{}}).newAPI(nil)
	if err != nil {
		return nil, nil, err
	}
	return doors.OpenAPI(), doors.OpenAPIJSON(), nil
}

// shop returns the shop that downloads are named after, the zero Info where
// that isn't known.
func (a *App) shop() shop.Info {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	info, err := catalog.Shop(ctx, a.DB)
	if err != nil {
		return shop.Info{}
	}
	return info
}

// me is who asks, and about which shop.
type me struct {
	Kind string  `json:"kind" enum:"user,service" doc:"A person, or a program with a service token."`
	Name string  `json:"name" doc:"Mail address, or client id of the service token." example:"ops@example.com"`
	Shop *meShop `json:"shop,omitempty" doc:"The shop whose data these are; left out until the first sync has told."`
}

type meShop struct {
	Domain   string `json:"domain" example:"brand.myshopify.com"`
	Name     string `json:"name"`
	Currency string `json:"currency" doc:"Of all money of the shop, after ISO 4217." example:"USD"`
	TimeZone string `json:"timeZone" doc:"Where the shop's days begin, by its IANA name." example:"America/New_York"`
}

func (a *App) me(ctx context.Context, _ *struct{}) (*api.One[me], error) {
	p := api.PrincipalOf(ctx)
	m := me{Kind: p.Kind, Name: p.Name}
	switch info, err := catalog.Shop(ctx, a.DB); {
	case err == nil:
		m.Shop = &meShop{info.Domain, info.Name, info.Currency, info.TimeZone}
	case errs.Kind(err) != "not_found":
		return nil, err
	}
	return &api.One[me]{Data: m}, nil
}
