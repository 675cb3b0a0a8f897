package orderlookup

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// endpoints lists what the API offers. Without a service it can be documented.
func endpoints(s *Service) []api.Endpoint {
	return []api.Endpoint{
		api.Query("/api/orders/lookup", "lookUpOrders", "Finds orders by name, id, gid or mail address, with all that is known of them.", s.lookUp,
			api.Describe("Each query is answered in its place. Orders that it names exactly come first; only where there are none, those whose names begin so. "+
				"Spaces, case, wide characters and a missing # make no difference. Deleted, cancelled and test orders are found, and marked. "+
				"A query has at most 20 orders, and fewer where more than 50 queries are asked at once, so that there are at most 1,000 in all.")),
	}
}

type lookUpRequest struct {
	Body struct {
		Queries []string `json:"queries" minItems:"1" maxItems:"200" maxLength:"500" doc:"Names, ids, gids, mail addresses, or addresses of pages in Shopify's admin, in any mixture." example:"[\"#1001\", \"5123456789012\", \"gid://shopify/Order/5123456789012\", \"ann@example.com\"]"`
	}
}

// Lookup is what queries found, each in its place.
type Lookup struct {
	Results []Result `json:"results" doc:"As many as there are queries, in their order."`
	Found   int      `json:"found" doc:"Queries that found an order."`
}

// Result is what a query found.
type Result struct {
	Query    string   `json:"query" doc:"As it was sent."`
	TakenFor []string `json:"takenFor" enum:"name,orderId,email" doc:"What it was looked up as; empty where it can be none of these, such as the gid of a product."`
	Match    string   `json:"match" enum:"exact,prefix,none" doc:"prefix: no order is named so, and these are the first whose names begin so, by number."`
	Orders   []Order  `json:"orders" doc:"The newest first, where they match exactly."`
	More     bool     `json:"more" doc:"There are more than these."`
}

func (s *Service) lookUp(ctx context.Context, req *lookUpRequest) (*api.One[Lookup], error) {
	found, err := s.LookUp(ctx, req.Body.Queries)
	if err != nil {
		return nil, err
	}
	return &api.One[Lookup]{Data: found}, nil
}
