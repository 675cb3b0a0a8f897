package artifact

import (
	"context"
	"slices"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// What tiers are measured by.
const (
	Units    = "units"
	NetSales = "net_sales"
)

// Spec says what puts products into tiers. Thresholds are whole units sold, or
// whole units of the shop's currency, as the measure is.
type Spec struct {
	Measure       string `json:"measure" enum:"units,net_sales" doc:"What the thresholds count: units sold, or net sales in the shop's currency."`
	TopRiser7Day  int64  `json:"topRiser7Day" minimum:"1" maximum:"1000000000" doc:"A top riser sold so much in its first 7 days, …" example:"10"`
	TopRiser14Day int64  `json:"topRiser14Day" minimum:"1" maximum:"1000000000" doc:"… or so much in its first 14." example:"15"`
	Winner30Day   int64  `json:"winner30Day" minimum:"1" maximum:"1000000000" doc:"A winner sold so much in the last 30 days." example:"20"`
	BananaCount   int64  `json:"bananaCount" minimum:"0" maximum:"10000" doc:"So many of the products that sold least are bananas." example:"25"`
}

// DefaultSpec is in force until somebody has set another.
func DefaultSpec() Spec {
	return Spec{Measure: Units, TopRiser7Day: 10, TopRiser14Day: 15, Winner30Day: 20, BananaCount: 25}
}

// specs are the specifications of tiers, of which one is in force.
var specs = Kind[Spec]{Name: "classification_spec", Noun: "classification spec", Check: Spec.faults}

const (
	inForce  = "tiers" // the identifier of the one spec
	maxSales = 1_000_000_000
	maxCount = 10_000
)

func (s Spec) faults() (f api.Faults) {
	if !slices.Contains([]string{Units, NetSales}, s.Measure) {
		f.Add("body.measure", "is neither %s nor %s", Units, NetSales)
	}
	for _, t := range []struct {
		name           string
		value, low, up int64
	}{
		{"topRiser7Day", s.TopRiser7Day, 1, maxSales}, {"topRiser14Day", s.TopRiser14Day, 1, maxSales},
		{"winner30Day", s.Winner30Day, 1, maxSales}, {"bananaCount", s.BananaCount, 0, maxCount},
	} {
		if t.value < t.low || t.value > t.up {
			f.Add("body."+t.name, "is not between %d and %d", t.low, t.up)
		}
	}
	return f
}

// SpecInForce returns the specification of tiers that holds now: in version 0
// the default.
func SpecInForce(ctx context.Context, db pgdb.DBTX) (Artifact[Spec], error) {
	a, err := specs.Find(ctx, db, inForce)
	if errs.Kind(err) == "not_found" {
		return Artifact[Spec]{Identifier: inForce, Content: specContent(DefaultSpec())}, nil
	}
	return a, err
}

// SetSpec puts another specification in force, and returns that from before and
// the new one. errs.Stale where the caller saw another version.
func SetSpec(ctx context.Context, tx pg.Tx, seen api.IfMatch, s Spec) (before, after Artifact[Spec], err error) {
	// The default is there to be locked, so that two first writers come one
	// after the other, too.
	if _, err := specs.insert(ctx, tx, inForce, 0, specContent(DefaultSpec())); err != nil && !pg.NoRows(err) {
		return before, after, err
	}
	now, err := specs.Find(ctx, tx, inForce)
	if err != nil {
		return before, after, err
	}
	return specs.Update(ctx, tx, now.ID, seen, specContent(s))
}

// RestoreSpec undoes SetSpec; see [Kind.Restore].
func RestoreSpec(ctx context.Context, tx pg.Tx, from, to *Artifact[Spec]) error {
	return specs.Restore(ctx, tx, from, to)
}

func specContent(s Spec) Content[Spec] {
	return Content[Spec]{Title: "Thresholds of tiers", Status: "in_force", Payload: s}
}
