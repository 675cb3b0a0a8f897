package performance

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Summary is all products together.
type Summary struct {
	AsOf         shop.Day      `json:"asOf" doc:"The shop day as of which products were measured."`
	HistorySince *time.Time    `json:"historySince,omitempty" doc:"Before it orders are missing: what was published earlier has no first sale day, and is no top riser. Left out where none is missing."`
	Products     int           `json:"products"`
	Active       int           `json:"active"`
	Spec         artifact.Spec `json:"classification" doc:"What the tiers are by."`
	Tiers        []tierCount   `json:"tiers"`
	Units        sums          `json:"units"`
	NetSales     moneySums     `json:"netSales"`
}

type tierCount struct {
	Tier     string     `json:"tier" enum:"top_riser,winner,archive_candidate,banana,none"`
	Holds    int        `json:"holds" doc:"Products that hold it, be it their first or not; of none, those that hold none."`
	Primary  int        `json:"primary" doc:"Products whose first it is."`
	Units    int64      `json:"unitsLast30Days" doc:"Of the products whose first it is."`
	NetSales shop.Money `json:"netSalesLast30Days" doc:"Of the products whose first it is."`
}

type sums struct {
	Last7Days  int64 `json:"last7Days"`
	Last14Days int64 `json:"last14Days"`
	Last30Days int64 `json:"last30Days"`
	Total      int64 `json:"total"`
}

type moneySums struct {
	Last7Days  shop.Money `json:"last7Days"`
	Last14Days shop.Money `json:"last14Days"`
	Last30Days shop.Money `json:"last30Days"`
	Total      shop.Money `json:"total"`
}

type summaryRequest struct {
	AsOf shop.Day `query:"asOf" doc:"As of this shop day; today where it is left out."`
}

func (s *Service) summarize(ctx context.Context, req *summaryRequest) (*api.One[Summary], error) {
	out, err := s.Summarize(ctx, req.AsOf)
	return &api.One[Summary]{Data: out}, err
}

// Summarize sums all products as of a shop day, today where it is "".
func (s *Service) Summarize(ctx context.Context, asOf shop.Day) (Summary, error) {
	v, err := s.view(ctx, asOf)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{AsOf: shop.Day(v.asOf.String()), HistorySince: v.history, Products: len(v.products), Spec: v.spec}
	money := func(a shop.Amount) shop.Money { return shop.Money{Amount: a, Currency: v.currency} }
	for _, shift := range shifts(v.flags, v.flags) {
		out.Tiers = append(out.Tiers, tierCount{Tier: shift.Tier, Holds: shift.Holds, Primary: shift.Primary, NetSales: money(0)})
	}
	var u [6]int64
	var n [6]shop.Amount
	for i := range v.products {
		p := &v.products[i]
		if p.active {
			out.Active++
		}
		for w := range u {
			u[w] += p.units[w]
			n[w] += p.net[w]
		}
		c := &out.Tiers[v.flags[i].primaryAt()]
		c.Units += p.units[last30]
		c.NetSales.Amount += p.net[last30]
	}
	out.Units = sums{u[last7], u[last14], u[last30], u[total]}
	out.NetSales = moneySums{money(n[last7]), money(n[last14]), money(n[last30]), money(n[total])}
	return out, nil
}
