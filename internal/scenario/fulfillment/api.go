package fulfillment

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const basis = "Days are the shop's. Orders count on the day they were processed, without cancelled, test and deleted ones; " +
	"fulfillments on the day they were created, without those of test and deleted orders. Counts are as of the last sync."

// endpoints lists what the API offers. Without a service it can be documented.
func endpoints(s *Service) []api.Endpoint {
	const root = "/api/fulfillment-daily-summary"
	return []api.Endpoint{
		api.ListOf(root, "listFulfillmentDays", "Lists the shop's days with what was ordered and sent, the last day first.", s.list, Day.position,
			api.Describe(basis+" Each day of the period has a row, also one on which nothing happened.")),
		api.Get(root+"/totals", "sumFulfillmentDays", "Sums a period up, with the hours it took to fulfil, against the period before.", s.sum,
			api.Describe(basis+" The hours are those from when an order was processed until a fulfillment of it was created: of each fulfillment of the period with status SUCCESS, "+
				"of orders that are neither test nor deleted, as stored now.")),
	}
}

// Counts are what was ordered and sent.
type Counts struct {
	Orders       int64    `json:"orders" doc:"Processed in these days; neither cancelled nor test nor deleted."`
	Fulfillments int64    `json:"fulfillments" doc:"Created in these days, of orders that are neither test nor deleted."`
	Succeeded    int64    `json:"succeeded" doc:"Fulfillments with status SUCCESS."`
	Failed       int64    `json:"failed" doc:"With FAILURE or ERROR."`
	Cancelled    int64    `json:"cancelled" doc:"With CANCELLED."`
	Open         int64    `json:"open" doc:"All others."`
	SuccessRate  *float64 `json:"successRate" doc:"succeeded of succeeded and failed; null where there are neither." example:"0.9875"`
}

// Day is what was ordered and sent on a day of the shop.
type Day struct {
	Day shop.Day `json:"day" format:"date"`
	Counts
}

func (d Day) position() shop.Day { return d.Day }

// Hours are how long it took from orders to their fulfillments.
type Hours struct {
	Fulfillments int64    `json:"fulfillments" doc:"That were measured."`
	P50          *float64 `json:"p50" doc:"Half of them took no longer; null where there are none."`
	P90          *float64 `json:"p90" doc:"Nine of ten took no longer; null where there are none."`
}

// Figures are what a period comes to.
type Figures struct {
	shop.Period
	Counts
	Hours Hours `json:"hoursToFulfil"`
}

// Change is by how much figures differ from those before.
type Change struct {
	Orders       *float64 `json:"orders" doc:"In parts of what it was: 0.25 is a quarter more. Null where there were none before."`
	Fulfillments *float64 `json:"fulfillments" doc:"As with orders."`
	Succeeded    *float64 `json:"succeeded" doc:"As with orders."`
	Failed       *float64 `json:"failed" doc:"As with orders."`
	Cancelled    *float64 `json:"cancelled" doc:"As with orders."`
	Open         *float64 `json:"open" doc:"As with orders."`
	SuccessRate  *float64 `json:"successRate" doc:"The difference: 0.01 is one point more. Null where one of the two is."`
	P50          *float64 `json:"p50" doc:"The difference in hours. Null where one of the two is."`
	P90          *float64 `json:"p90" doc:"As with p50."`
}

// Totals are a period against the one before.
type Totals struct {
	Figures
	Previous Figures `json:"previous" doc:"Of as many days before."`
	Change   Change  `json:"change"`
	TimeZone string  `json:"timeZone" doc:"Of the days: the shop's."`
	UpToDate bool    `json:"upToDate" doc:"False while orders or fulfillments of these days have changed that the counts don't have yet: the sync that brought them counts them before it ends."`
}

type listRequest struct {
	api.Page
	From shop.Day `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To   shop.Day `query:"to" format:"date" doc:"The last day; today where it is left out."`
}

type sumRequest struct {
	From shop.Day `query:"from" format:"date" doc:"The first day; 29 days before the last where it is left out."`
	To   shop.Day `query:"to" format:"date" doc:"The last day; today where it is left out."`
}

func (s *Service) list(ctx context.Context, req *listRequest, after *shop.Day, limit int) ([]Day, error) {
	_, p, err := s.period(ctx, shop.Period{From: req.From, To: req.To})
	if err != nil {
		return nil, err
	}
	return s.days(ctx, p, after, limit)
}

func (s *Service) sum(ctx context.Context, req *sumRequest) (*api.One[Totals], error) {
	t, err := s.Sum(ctx, shop.Period{From: req.From, To: req.To})
	if err != nil {
		return nil, err
	}
	return &api.One[Totals]{Data: t}, nil
}
