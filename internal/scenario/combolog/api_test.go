package combolog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/combolog"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const logs = "/api/combo-logs"

// desk is the log over HTTP, in a shop with a few products.
type desk struct {
	apitest.Door
	engine *workflow.Engine
}

func open(t *testing.T) desk {
	t.Helper()
	db := pgtest.DB(t)
	engine, err := workflow.New(t.Context(), workflow.Config{DB: db, Poll: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	store := runs.New(db)
	s := combolog.New(engine, db, store, nil, slog.New(slog.DiscardHandler)).Scenario()
	if err := engine.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	d := desk{apitest.Open(t, db, s.Endpoints, s.Undoers...), engine}
	for id, p := range map[int][2]string{
		1: {"Luna Moth Phone Case", "luna-moth-phone-case"}, 2: {"Tiger Lily Phone Case", "tiger-lily-phone-case"},
		3: {"Koi Pond Wallet", "koi-pond-wallet"}, 4: {"Koi Pond Wallet", "koi-pond-wallet-2"}, 5: {"=Formula | Case", "formula"},
		123456: {"Old Name", "old-name"},
	} {
		d.Exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
			VALUES ($1, $2, $3, '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid())`, id, p[0], p[1])
	}
	return d
}

func (d desk) combos() int64 {
	return apitest.One[int64](d.Door, `SELECT count(*) FROM macrodata_artifact WHERE kind = 'combo_report' AND archived_at IS NULL`)
}

// body is a combo as a request says it, with more fields in JSON.
func body(more string) string {
	set := settings.Defaults()
	return fmt.Sprintf(`{"type": %q, "audience": %q, "products": [{"productId": "1", "role": "hero"}, {"productId": "2"}], "startedOn": "2026-03-01"%s}`,
		set.ComboTypes[0].Code, set.Audiences[0], more)
}

func TestACombosLifeIsRecordedAndUndone(t *testing.T) {
	t.Parallel()
	d := open(t)
	made := d.Send("POST", logs, body(`, "spend": "12.50", "notes": " first\r\nsecond "`))
	c := apitest.Data[combolog.Entry](made, http.StatusCreated)
	at := made.Header.Get("Location")
	if !strings.HasSuffix(c.Identifier, "-001") || c.Status != combo.Running || c.Products[1].Title != "Tiger Lily Phone Case" || c.Products[1].Position != 2 || c.Notes != "first\nsecond" {
		t.Errorf("it is %+v", c)
	}
	if got := apitest.Data[combolog.Entry](d.Send("GET", at, ""), 200); got.Identifier != c.Identifier || got.Spend.String() != "12.5000" && got.Spend.String() != "12.50" {
		t.Errorf("it is read as %+v, spend %s", got, got.Spend)
	}
	changed := d.Send("PUT", at, body(`, "outcome": "win"`), `If-Match: "1"`, apitest.Service("reporter"))
	if got := apitest.Data[combolog.Entry](changed, 200); got.Status != "win" || got.Version != 2 || got.Identifier != c.Identifier || got.Spend != nil || got.UpdatedBy != "reporter" {
		t.Errorf("it is changed to %+v", got)
	}
	d.Send("PUT", at, body(""), `If-Match: "1"`).Want(http.StatusPreconditionFailed)
	d.Send("DELETE", at, "", `If-Match: "1"`).Want(http.StatusPreconditionFailed)
	gone := d.Send("DELETE", at, "").Want(http.StatusNoContent)
	d.Send("GET", at, "").Want(http.StatusNotFound)
	d.Send("PUT", at, body("")).Want(http.StatusNotFound)
	gone.Undo().Want(200)
	changed.Undo().Want(200)
	if got := apitest.Data[combolog.Entry](d.Send("GET", at, ""), 200); got.Status != combo.Running || got.Spend == nil {
		t.Errorf("after two undos it is %+v", got)
	}
	made.Undo().Want(200)
	d.Send("GET", at, "").Want(http.StatusNotFound)
	if who := apitest.One[string](d.Door, `SELECT string_agg(principal_kind || ' ' || principal_name || ' ' || operation, ', ' ORDER BY change_id) FROM change WHERE undoes IS NULL`); who !=
		"user "+apitest.Staff+" createComboLog, service reporter updateComboLog, user "+apitest.Staff+" deleteComboLog" {
		t.Errorf("the record says %s", who)
	}
}

func TestCombosAreListedByWhatTheyAre(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Send("POST", logs, body(`, "outcome": "win", "notes": "the Moth sold best"`)).Want(201)
	d.Send("POST", logs, body(`, "outcome": null`)).Want(201)
	d.Send("POST", logs, strings.Replace(body(""), `"1"`, `"3"`, 1)).Want(201)
	for query, want := range map[string]int{
		"": 3, "?status=win": 1, "?status=running": 2, "?productId=3": 1, "?productId=gid://shopify/Product/2": 3, "?q=moth": 1, "?q=-003": 1,
		"?type=" + settings.Defaults().ComboTypes[0].Code: 3, "?type=NONE": 0, "?audience=NONE": 0, "?audience=" + settings.Defaults().Audiences[0]: 3, "?limit=2": 2,
	} {
		if got := len(apitest.Data[[]combolog.Entry](d.Send("GET", logs+query, ""), 200)); got != want {
			t.Errorf("%s lists %d combos, want %d", query, got, want)
		}
	}
	d.Send("GET", logs+"?productId=moth", "").Want(422)
	if csv := d.Send("GET", logs+".csv?status=win", "").Want(200).Body; strings.Count(csv, "\r\n") != 2 || !strings.Contains(csv, "Luna Moth Phone Case #1, Tiger Lily Phone Case #2") {
		t.Errorf("as CSV it is %s", csv)
	}
}

func TestWhatACombosRequestMustKeep(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, c := range map[string]struct{ body, where string }{
		"a product that there is not":  {strings.Replace(body(""), `"2"`, `"99"`, 1), "body.products[1].productId"},
		"a position out of order":      {strings.Replace(body(""), `"2"`, `"2", "position": 7`, 1), "body.products[1].position"},
		"an outcome that there is not": {body(`, "outcome": "draw"`), "body.outcome"},
		"a role with a divider":        {strings.Replace(body(""), "hero", "a|b", 1), "body.products[0].role"},
		"no products":                  {`{"type": "SP", "audience": "WOMEN", "products": [], "startedOn": "2026-03-01"}`, "body.products"},
	} {
		t.Run(name, func(t *testing.T) {
			var p api.Problem
			r := d.Send("POST", logs, c.body).Want(422)
			if r.JSON(&p); len(p.Errors) != 1 || p.Errors[0].Location != c.where {
				t.Errorf("it is answered %s, want a fault at %s", r.Body, c.where)
			}
		})
	}
	if n := d.combos(); n != 0 {
		t.Errorf("what was refused left %d combos", n)
	}
}
