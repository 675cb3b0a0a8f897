package performance

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// classification is the specification of tiers as the API tells it.
type classification struct {
	api.Versioned
	artifact.Spec
	UpdatedBy string     `json:"updatedBy,omitempty" doc:"Left out while these are the defaults."`
	UpdatedAt *time.Time `json:"updatedAt,omitempty"`
	Preview   *preview   `json:"preview,omitempty" doc:"What would follow; nothing was changed."`
}

func classificationOf(a artifact.Artifact[artifact.Spec]) classification {
	c := classification{Versioned: a.Versioned, Spec: a.Payload}
	if a.Version > 0 {
		c.UpdatedBy, c.UpdatedAt = a.UpdatedBy, &a.UpdatedAt
	}
	return c
}

func (s *Service) classification(ctx context.Context, _ *struct{}) (*api.One[classification], error) {
	a, err := artifact.SpecInForce(ctx, s.db)
	return &api.One[classification]{Data: classificationOf(a)}, err
}

type classifyRequest struct {
	api.IfMatch
	Preview bool `query:"preview" doc:"Only tell what would follow."`
	Body    artifact.Spec
}

func (s *Service) classify(ctx context.Context, req *classifyRequest) (*api.One[classification], error) {
	if req.Preview {
		return s.preview(ctx, req)
	}
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[classification], error) {
		before, after, err := artifact.SetSpec(ctx, tx, req.IfMatch, req.Body)
		if err != nil {
			return nil, err
		}
		_, err = api.Record(ctx, tx, api.Change{
			Operation: classifyOp, Subject: "classification_spec", SubjectIDs: []string{after.ID.String()}, Before: before, After: after,
		})
		return &api.One[classification]{Data: classificationOf(after)}, err
	})
}

func undoClassify() api.Undoer {
	return api.Undo(classifyOp, artifact.RestoreSpec)
}

// preview is what would follow from other thresholds.
type preview struct {
	AsOf      shop.Day    `json:"asOf"`
	Tiers     []tierShift `json:"tiers"`
	Histogram []bucket    `json:"histogram" doc:"How many products sold how much in the windows that have thresholds."`
	Moved     int         `json:"moved" doc:"Products whose first tier would be another."`
	Moves     []move      `json:"moves" doc:"Which, by product id; the first 1,000."`
}

type tierShift struct {
	Tier    string `json:"tier" enum:"top_riser,winner,archive_candidate,banana,none"`
	Holds   int    `json:"holds" doc:"Products that would hold it, be it their first or not."`
	Primary int    `json:"primary" doc:"Products whose first it would be."`
	Before  int    `json:"primaryBefore" doc:"Products whose first it is."`
}

type bucket struct {
	Window   string `json:"window" enum:"first7Days,first14Days,last30Days,total"`
	From     int64  `json:"from" doc:"So much was sold, in units or in whole units of the currency, …"`
	Until    *int64 `json:"until,omitempty" doc:"… and less than this."`
	Products int    `json:"products"`
}

type move struct {
	ProductID shop.ID `json:"productId"`
	Title     string  `json:"title"`
	From      string  `json:"from"`
	To        string  `json:"to"`
}

// shownMoves bounds the answer.
const shownMoves = 1000

func (s *Service) preview(ctx context.Context, req *classifyRequest) (*api.One[classification], error) {
	now, err := artifact.SpecInForce(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if err := req.Check(now.Version); err != nil {
		return nil, err
	}
	t, err := s.tableOf(ctx, "")
	if err != nil {
		return nil, err
	}
	before, after := t.flagsBy(now.Payload), classify(req.Body, t.asOf, t.products)
	p := &preview{AsOf: shop.Day(t.asOf.String()), Tiers: shifts(before, after), Histogram: histogram(req.Body, t.products), Moves: []move{}}
	for i := range after {
		if before[i].primaryAt() == after[i].primaryAt() {
			continue
		}
		if p.Moved++; p.Moved <= shownMoves {
			p.Moves = append(p.Moves, move{t.products[i].id, t.about[i].title, before[i].primary(), after[i].primary()})
		}
	}
	return &api.One[classification]{Data: classification{Versioned: now.Versioned, Spec: req.Body, Preview: p}}, nil
}

// shifts counts products by tier, after and before a change.
func shifts(before, after []flags) []tierShift {
	list := make([]tierShift, len(Tiers()))
	for i, name := range Tiers() {
		list[i].Tier = name
	}
	for i, f := range after {
		list[before[i].primaryAt()].Before++
		list[f.primaryAt()].Primary++
		for n := range Tiers() {
			if n < 4 && f&(1<<n) != 0 || n == 4 && f == 0 {
				list[n].Holds++
			}
		}
	}
	return list
}

// histogram counts products by what they sold. Buckets grow as 1, 2, 5, 10 do;
// what is less than nothing, for refunds, is in the first.
func histogram(s artifact.Spec, products []measured) []bucket {
	list := []bucket{}
	for _, w := range []int{first7, first14, last30, total} {
		var counts []int
		for i := range products {
			n := sold(s, &products[i].measures, w)
			if s.Measure == artifact.NetSales {
				n /= shop.AmountScale
			}
			at := bucketOf(n)
			for len(counts) <= at {
				counts = append(counts, 0)
			}
			counts[at]++
		}
		for at, n := range counts {
			b := bucket{Window: windowNames()[w], From: bound(at), Products: n}
			if at < len(counts)-1 {
				until := bound(at + 1)
				b.Until = &until
			}
			list = append(list, b)
		}
	}
	return list
}

// bound is where a bucket begins: 0, 1, 2, 5, 10, 20, 50 and so on.
func bound(at int) int64 {
	if at == 0 {
		return 0
	}
	n := [3]int64{1, 2, 5}[(at-1)%3]
	for range (at - 1) / 3 {
		n *= 10
	}
	return n
}

// bucketOf finds the bucket of a number.
func bucketOf(n int64) (at int) {
	for at < 54 && bound(at+1) <= n {
		at++
	}
	return at
}
