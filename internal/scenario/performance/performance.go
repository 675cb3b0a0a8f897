// Package performance tells what each product sold, and which tier that puts it
// in.
//
// rules.go holds the tiers, as pure functions. refresh.go measures all products
// as of a shop day, which a sync does page by page; table.go holds what is stored
// in memory, so that lists over all products are quick, and read.go keeps that as
// the database is. list.go and classification.go answer what staff ask, and manual.go is what they record
// themselves.
package performance

import (
	_ "embed" // of the document
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// ID names the scenario.
const ID = "performance"

//go:embed README.md
var document string

// Service serves the scenario.
type Service struct {
	db     *pg.DB
	tables tables
}

// New makes the scenario.
func New(db *pg.DB) *Service { return &Service{db: db} }

// Scenario declares what the package offers. On a nil service its endpoints can
// be documented, and not served.
func (s *Service) Scenario() scenario.Scenario {
	return scenario.Scenario{
		ID:        ID,
		Title:     "Performance metrics",
		Document:  document,
		Endpoints: s.endpoints(),
		Undoers:   s.undoers(),
		Commands:  []string{"macrodata metrics"},
		Writes:    []string{"performance_day", "performance_metric", "performance_state"},
		Reads: []string{
			"link_product_category_product_tag", "link_product_product_tag", "macrodata_artifact", "order_header",
			"order_line_item", "product", "product_category", "product_tag", "shop",
		},
	}
}

func (s *Service) endpoints() []api.Endpoint {
	const path = "/api/performance-metrics"
	return []api.Endpoint{
		api.ListOf(path, "listPerformanceMetrics", "Lists what each product sold, with its tiers.", s.list, Entry.position, api.Total(s.count),
			api.Describe("Units are as ordered, and net sales less discounts, refunds and included tax; a refund counts on the order's day. Products without any metric are left out.")),
		api.Post(path, createOp, "Records metrics by hand.", s.create,
			api.Describe("One metric, or a list of them under `metrics`. A metric overrides the measures that it names, from its day on, until it is changed or deleted; what the sync measures goes on beneath.")),
		api.Put(path, changeManyOp, "Changes metrics that were recorded by hand.", s.changeMany),
		api.Delete(path, deleteManyOp, "Deletes metrics that were recorded by hand.", s.deleteMany,
			api.Describe("Which, is said in the body or by `metricId`.")),
		api.Get(path+"/{metricId}", "getPerformanceMetric", "Tells a metric, measured or recorded by hand.", s.get),
		api.Put(path+"/{metricId}", changeOp, "Changes a metric that was recorded by hand.", s.change),
		api.Delete(path+"/{metricId}", deleteOp, "Deletes a metric that was recorded by hand.", s.remove),
		api.Get(path+"/stats/summary", "summarizePerformance", "Sums all products, and counts them by tier.", s.summarize),
		api.Get(path+"/settings/classification", "getClassification", "Tells what puts products into tiers.", s.classification),
		api.Put(path+"/settings/classification", classifyOp, "Sets what puts products into tiers, or tries it out.", s.classify,
			api.Describe("With `preview` nothing changes: the answer tells how many products each tier would hold, how sales are spread, and which products would move whereto.")),
	}
}

// dayOf counts the days of a date, which is midnight in UTC.
func dayOf(t time.Time) day { return day(t.Unix() / 86_400) }

func (d day) time() time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }

func (d day) String() string { return d.time().Format(time.DateOnly) }

// parseDay reads a day that the API has checked.
func parseDay(s shop.Day) (day, error) {
	t, err := time.Parse(time.DateOnly, string(s))
	return dayOf(t), err
}
