package tagclass

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const (
	classify = "classifyTags" // the operation that changes tags

	// Of 10,000 tags with 255 characters each.
	maxBody = 16 << 20
)

func endpoints(s *Service) []api.Endpoint {
	return []api.Endpoint{
		api.Post("/api/tag-classifications/bulk", classify, "Classifies tags, all of them or none.", s.classify, api.MaxBody(maxBody),
			api.Describe("Tags and categories are compared without regard to case. One undo brings all of it back.")),
		api.ListOf("/api/tag-classifications/unclassified", "listUnclassifiedTags", "Lists the tags without a category, most important first.",
			s.list, Unclassified.position, api.Total(s.count),
			api.Describe("What sold most comes first: net sales, then units, then products.")),
	}
}

type classifyRequest struct {
	Body struct {
		Mappings []Mapping `json:"mappings" minItems:"1" maxItems:"10000"`
		DryRun   bool      `json:"dryRun,omitempty" doc:"Tells what would change, and changes nothing."`
	}
}

func (s *Service) classify(ctx context.Context, req *classifyRequest) (*api.One[Classified], error) {
	return s.Classify(ctx, req.Body.Mappings, req.Body.DryRun)
}

// Classified is what came of a list of mappings.
type Classified struct {
	Counts
	Changes  []Change   `json:"changes"`
	DryRun   bool       `json:"dryRun"`
	ChangeID *uuid.UUID `json:"changeId,omitempty" doc:"What to undo; left out where nothing was changed."`
}

// Unclassified is a tag without a category.
type Unclassified struct {
	Tag         string      `json:"tag" doc:"As Shopify spells it." example:"Luna Moth"`
	Products    int64       `json:"products" doc:"That have it and are still in Shopify."`
	Units       int64       `json:"units" doc:"Sold in orders that count, of all products that have it; refunded ones are among them."`
	NetSales    shop.Money  `json:"netSales" doc:"Of the same orders, as far as they are in the shop's currency."`
	FirstSeenAt time.Time   `json:"firstSeenAt"`
	Suggestion  *Suggestion `json:"suggestion,omitempty" doc:"Left out where none is plain."`

	id int64
}

// Position is where a tag stands in the list of those without a category.
type Position struct {
	Net      shop.Amount `json:"n"`
	Units    int64       `json:"u"`
	Products int64       `json:"p"`
	ID       int64       `json:"i"`
}

func (u Unclassified) position() Position {
	return Position{u.NetSales.Amount, u.Units, u.Products, u.id}
}

type unclassifiedRequest struct {
	api.Page
	Words string `query:"q" maxLength:"255" doc:"The tag has this in it, without regard to case."`
}

func (r *unclassifiedRequest) words() *string { return given(strings.TrimSpace(r.Words)) }

func (s *Service) count(ctx context.Context, req *unclassifiedRequest) (int64, error) {
	return pgdb.New(s.db).CountUnclassified(ctx, req.words())
}

func (s *Service) list(ctx context.Context, req *unclassifiedRequest, after *Position, limit int) ([]Unclassified, error) {
	p := pgdb.ListUnclassifiedParams{Words: req.words(), RowLimit: int32(limit)}
	if after != nil {
		p.AfterNet, p.AfterUnits, p.AfterProducts, p.AfterTag = &after.Net, &after.Units, &after.Products, &after.ID
	}
	rows, err := pgdb.New(s.db).ListUnclassified(ctx, p)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list, ids := make([]Unclassified, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.TagID
		list[i] = Unclassified{
			Tag: r.Name, Products: r.Products, Units: r.Units, NetSales: shop.Money{Amount: r.NetSales, Currency: r.Currency},
			FirstSeenAt: r.FirstSeenAt, id: r.TagID,
		}
	}
	return list, s.suggest(ctx, list, ids)
}

// Unclassified returns the most important tags without a category.
func (s *Service) Unclassified(ctx context.Context, limit int) ([]Unclassified, error) {
	return s.list(ctx, &unclassifiedRequest{}, nil, limit)
}

// suggest adds suggestions to a page of tags.
func (s *Service) suggest(ctx context.Context, list []Unclassified, ids []int64) error {
	set, err := settings.Read(ctx, s.db)
	if err != nil {
		return err
	}
	q := pgdb.New(s.db)
	classified, err := q.ListClassified(ctx)
	if err != nil {
		return err
	}
	shared, err := q.ListTwins(ctx, ids)
	if err != nil {
		return err
	}
	tags := make([]catalog.Tag, len(classified))
	for i, t := range classified {
		tags[i] = catalog.Tag{Name: t.Name, Category: t.Category}
	}
	twins := map[int64][]Twin{}
	for _, t := range shared {
		twins[t.TagID] = append(twins[t.TagID], Twin{t.Name, t.Category, t.Shared, t.Products, t.TwinProducts})
	}
	g := newGuide(set.TagCategories, tags)
	for i := range list {
		list[i].Suggestion = g.suggest(list[i].Tag, twins[ids[i]])
	}
	return nil
}
