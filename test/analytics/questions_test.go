package analytics_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const performance, distribution = "/api/tag-analytics/performance", "/api/tag-analytics/distribution/"

// TestQuestionsThatCannotBeMeantAreRefusedByField, and none of them is anything
// but text to the databases.
func TestQuestionsThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	w.told()
	const quote = `x'); DROP TABLE product_tag; --`
	for name, c := range map[string]struct {
		question object
		field    string
	}{
		"no selection":                {object{}, `"body"`},
		"two selections":              {object{"all": true, "category": "design"}, `"body"`},
		"a tag that there isn't":      {object{"tags": []string{quote}}, "body.tags[0]"},
		"a category that there isn't": {object{"category": quote}, "body.category"},
		"a group that there isn't":    {object{"groupId": uuid.New()}, "body.groupId"},
		"a group that is no id":       {object{"groupId": quote}, "body.groupId"},
		"days in the wrong order":     {object{"all": true, "from": "2026-02-01", "to": "2026-01-31"}, "body.to"},
		"a day that is none":          {object{"all": true, "from": "2026-02-30"}, "body.from"},
		"an unknown granularity":      {object{"all": true, "granularity": quote}, "body.granularity"},
		"an unknown order":            {object{"all": true, "orderBy": quote}, "body.orderBy"},
		"too many rows":               {object{"all": true, "limit": 501}, "body.limit"},
		"an unknown field":            {object{"all": true, "form": "2026-01-01"}, "body.form"},
		"a run that is no id":         {object{"all": true, "asOf": quote}, "body.asOf"},
	} {
		t.Run(name, func(t *testing.T) {
			var problem string
			(&world{T: t, url: w.url, token: w.token}).send("POST", performance, c.question, &problem, http.StatusUnprocessableEntity)
			if !strings.Contains(problem, c.field) || strings.Contains(problem, "DROP") {
				t.Errorf("%v is answered %s", c.question, problem)
			}
		})
	}
	w.send("GET", distribution+"nothing", nil, nil, http.StatusNotFound)
	w.send("GET", "/api/tag-analytics/group-performance/"+uuid.NewString(), nil, nil, http.StatusNotFound)
	w.send("GET", "/api/tag-analytics/tags?category=nothing", nil, nil, http.StatusUnprocessableEntity)
}

// told has the program know the shop, as a first sync does, which has brought
// nothing else.
func (w *world) told() {
	w.Helper()
	i := w.shop.Info()
	w.exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES ($1, $2, $3, $4, $5)`, int64(i.ID), i.Domain, i.Name, i.Currency, i.TimeZone)
}

func TestAShopWithoutSalesSoldNothing(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	for _, path := range []string{"/api/tag-analytics/tags", distribution + "design"} {
		var problem string
		w.send("GET", path, nil, &problem, http.StatusConflict)
		if !strings.Contains(problem, "first sync") || strings.Contains(problem, "USD") {
			t.Errorf("before the first sync %s is answered %s", path, problem)
		}
	}
	w.told()
	r := w.performance(object{"all": true, "granularity": "week"})
	if len(r.Tags) != 0 || len(r.Totals) != 1 || r.Totals[0].Lines != 0 || len(r.Totals[0].Series) < 4 {
		t.Errorf("a shop without sales sold %+v", r)
	}
	w.exec(`INSERT INTO product_tag (name) VALUES ('Summer')`)
	r = w.performance(object{"tags": []string{"summer"}})
	if len(r.Tags) != 1 || r.Tags[0].Units != 0 || r.Tags[0].Tag != "Summer" {
		t.Errorf("a tag without products sold %+v", r)
	}
	w.send("GET", distribution+"design", nil, nil, http.StatusOK)
}

// TestARefreshBringsWhatWaits into the lakehouse.
func TestARefreshBringsWhatWaits(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	w.told()
	w.exec(`INSERT INTO product_tag (name) VALUES ('Summer')`)
	w.exec(`INSERT INTO link_product_product_tag SELECT 7, tag_id FROM product_tag`)
	noon := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	facts := rows.NewSales()
	facts.Add(rows.Sale{
		LineItemID: 1, OrderID: 1, ProductID: 7, Quantity: 2, GrossSales: 100_000, NetSales: 100_000, Currency: "USD",
		OccurredAt: noon, OrderUpdatedAt: noon, RunID: uuid.NewString(),
	})
	body, err := facts.Body()
	must(t, err)
	must(t, w.app.DB.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
		_, err := outbox.Append(ctx, tx, rows.TableSales, 1, body)
		return err
	}))
	var started struct {
		Data struct {
			RunID     uuid.UUID
			StatusURL string
		}
	}
	w.send("POST", "/api/tag-analytics/refresh", nil, &started, http.StatusAccepted)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var run struct {
			Data struct {
				Status, Scenario string
				Counts           struct{ Months int }
			}
		}
		w.send("GET", started.Data.StatusURL, nil, &run, http.StatusOK)
		if run.Data.Status == runs.Completed && run.Data.Scenario == "taganalytics" {
			if run.Data.Counts.Months != 13 {
				t.Errorf("the refresh made rollups of %d months", run.Data.Counts.Months)
			}
			break
		}
		if run.Data.Status == runs.Failed || time.Now().After(deadline) {
			t.Fatalf("the refresh is %+v", run.Data)
		}
	}
	r := w.performance(object{"all": true, "from": "2025-03-01", "to": "2025-03-01"})
	want := sold{2, 1, 1, 1, shop.Money{Amount: 100_000, Currency: "USD"}}
	if len(r.Tags) != 1 || r.Tags[0].now() != want || r.Totals[0].now() != want {
		t.Errorf("after the refresh %+v was sold", r)
	}
}
