package combos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/combolog"
	"github.com/macrodata-dev/macrodata/internal/scenario/combotemplates"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const templates = "/api/combo-templates"

// desk is the library over HTTP with the log beside it, and a shop at Shopify.
type desk struct {
	apitest.Door
	engine  *workflow.Engine
	service *combotemplates.Service
	shop    *sandbox.Server
	product [2]string // ids at Shopify
	lost    *lossy
}

// lossy starts nothing while it is on, as a process that ends too early.
type lossy struct {
	*combotemplates.Service
	on atomic.Bool
}

func (l *lossy) Start(ctx context.Context, run uuid.UUID) error {
	if l.on.Load() {
		return errors.New("the process ended")
	}
	return l.Service.Start(ctx, run)
}

func open(t *testing.T) *desk {
	t.Helper()
	shop, err := shops.Generate(shops.Options{Orders: 10})
	if err != nil {
		t.Fatal(err)
	}
	server, err := sandbox.New(sandbox.Config{Shop: shop, Token: "shpat_test", Clock: shop.Anchor, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	client, err := shopify.New(shopify.Config{Shop: shop.Info().Domain, Token: "shpat_test", URL: server.URL(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.DB(t)
	engine, err := workflow.New(t.Context(), workflow.Config{DB: db, Log: quiet, Poll: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	store := runs.New(db)
	service := combotemplates.New(engine, db, store, client, quiet)
	d := &desk{engine: engine, service: service, shop: server, lost: &lossy{Service: service}}
	log := combolog.New(engine, db, store, d.lost, quiet).Scenario()
	mine := service.Scenario()
	if err := engine.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	d.Door = apitest.Open(t, db, append(mine.Endpoints, log.Endpoints...), append(mine.Undoers, log.Undoers...)...)
	n := 0
	for p := range shop.Products(shop.Anchor()) {
		d.product[n] = p.ID.String()
		d.Exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
			VALUES ($1, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid())`, int64(p.ID))
		if n++; n == len(d.product) {
			break
		}
	}
	d.Exec(`INSERT INTO product_tag (name, category) VALUES ('Luna Moth', 'design'), ('Spring', 'season')`)
	d.Exec(`INSERT INTO link_product_product_tag SELECT product_id, tag_id FROM product, product_tag`)
	return d
}

const actions = `[{"action": "create_report", "params": {"channel": "Instagram"}}, {"action": "assign_designer", "params": {"designerName": "Ana"}},
	{"action": "tag_products", "params": {"tag": "spring test"}}, {"action": "request_asset", "params": {"title": "Story, 9:16", "role": "story"}}, {"action": "note", "params": {"text": "from the plan"}}]`

func plan(actions string) string {
	set := settings.Defaults()
	return fmt.Sprintf(`{"name": "Spring hero", "type": %q, "audience": %q, "productLines": ["noline"], "productCount": 2, "designUrl": "https://design.example.com/1", "actionSpecs": %s}`,
		set.ComboTypes[0].Code, set.Audiences[0], actions)
}

func (d *desk) order(template uuid.UUID) string {
	return fmt.Sprintf(`{"templateId": %q, "products": [{"productId": %q}, {"productId": %q}], "startedOn": "2026-03-01", "notes": "mine"}`, template, d.product[0], d.product[1])
}

// wait waits for the actions of a combo and returns what they came to.
func (d *desk) wait(run uuid.UUID) (list []combotemplates.Action) {
	d.Helper()
	s, err := d.engine.Wait(d.Context(), run.String())
	if err != nil || s.State != workflow.Succeeded {
		d.Fatalf("the run is %s: %v, %v", s.State, s.Err, err)
	}
	var done combotemplates.Acted
	if err := json.Unmarshal(apitest.One[[]byte](d.Door, `SELECT counts FROM ingest_run WHERE run_id = $1 AND status = 'completed'`, run), &done); err != nil {
		d.Fatal(err)
	}
	return done.Actions
}

func TestACombosActionsAreDoneInTheNameOfWhoMadeIt(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := apitest.Data[combotemplates.ComboTemplate](d.Send("POST", templates, plan(actions)), 201)
	if p.Audience != settings.Defaults().Audiences[0] || !slices.Equal(p.ProductLines, []string{"NOLINE"}) || len(p.ActionSpecs) != 5 {
		t.Errorf("the template is %+v", p)
	}
	body := d.order(p.TemplateID)
	first := d.Send("POST", "/api/combo-logs", body, apitest.Service("planner"), "Idempotency-Key: once")
	c := apitest.Data[combolog.Made](first, 201)
	if again := d.Send("POST", "/api/combo-logs", body, apitest.Service("planner"), "Idempotency-Key: once"); again.Body != first.Body {
		t.Errorf("asked again with the same key: %s, and first %s", again.Body, first.Body)
	}
	var outcomes []string
	for _, a := range d.wait(*c.RunID) {
		outcomes = append(outcomes, a.Action+" "+a.Outcome)
	}
	if want := "create_report done, assign_designer done, tag_products done, request_asset done, note done"; strings.Join(outcomes, ", ") != want {
		t.Errorf("the actions came to %v", outcomes)
	}
	if c.Channel != "Instagram" || *c.TemplateID != p.TemplateID {
		t.Errorf("the combo is %+v", c)
	}
	got := apitest.Data[combolog.Entry](d.Send("GET", first.Header.Get("Location"), ""), 200)
	if got.Notes != "mine\nfrom the plan" || got.UpdatedBy != "planner" {
		t.Errorf("afterwards it is %+v", got)
	}
	asset := apitest.One[string](d.Door, `SELECT concat_ws(' ', identifier, status, title, created_by, payload ->> 'role') FROM macrodata_artifact WHERE kind = 'design_asset'`)
	if asset != c.Identifier+"-asset-4 requested Story, 9:16 planner story" {
		t.Errorf("the asset is %s", asset)
	}
	if tags := apitest.One[string](d.Door, `SELECT payload ->> 'tags' FROM macrodata_artifact WHERE kind = 'agent_assignment'`); tags != `["Luna Moth"]` {
		t.Errorf("the designer has %s", tags)
	}
	if n := d.shop.Stats().Tagged; n != 2 {
		t.Errorf("%d products were tagged", n)
	}
	record := apitest.One[string](d.Door, `SELECT string_agg(operation, ' ' ORDER BY change_id) FROM change WHERE principal_kind = 'service' AND principal_name = 'planner'`)
	if record != "createComboLog assignDesigner tagComboProducts requestAsset updateComboLog" {
		t.Errorf("in the name of who asked the record has %s", record)
	}
}

func TestTemplatesAreListedDeletedAndUndone(t *testing.T) {
	t.Parallel()
	d := open(t)
	made := d.Send("POST", templates, plan(`[{"action": "create_report"}]`))
	p := apitest.Data[combotemplates.ComboTemplate](made, 201)
	if list := apitest.Data[[]combotemplates.ComboTemplate](d.Send("GET", templates+"?q=SPRING", ""), 200); len(list) != 1 || list[0].Name != "Spring hero" {
		t.Errorf("it is listed as %+v", list)
	}
	if csv := d.Send("GET", templates+".csv", "").Want(200).Body; !strings.Contains(csv, "create_report") {
		t.Errorf("as CSV it is %s", csv)
	}
	at := templates + "/" + p.TemplateID.String()
	d.Send("DELETE", at, "", `If-Match: "7"`).Want(http.StatusPreconditionFailed)
	gone := d.Send("DELETE", at, "").Want(http.StatusNoContent)
	d.Send("DELETE", at, "").Want(http.StatusNotFound)
	if r := d.Send("POST", "/api/combo-logs", d.order(p.TemplateID)); r.Status != 422 || !strings.Contains(r.Body, "body.templateId") {
		t.Errorf("of a deleted template: %d %s", r.Status, r.Body)
	}
	gone.Undo().Want(200)
	c := apitest.Data[combolog.Made](d.Send("POST", "/api/combo-logs", d.order(p.TemplateID)), 201)
	d.wait(*c.RunID)
	made.Undo().Want(200)
	if list := apitest.Data[[]combotemplates.ComboTemplate](d.Send("GET", templates, ""), 200); len(list) != 0 {
		t.Errorf("what was undone is listed: %+v", list)
	}
}

func TestTemplatesThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	d := open(t)
	with := func(action string) string { return plan(`[{"action": "create_report"}, ` + action + `]`) }
	for name, c := range map[string]struct{ body, where string }{
		"no actions":                  {plan(`[]`), "body.actionSpecs"},
		"another action first":        {plan(`[{"action": "note", "params": {"text": "x"}}]`), "body.actionSpecs[0].action"},
		"a second report":             {with(`{"action": "create_report"}`), "body.actionSpecs[1].action"},
		"an action that there is not": {with(`{"action": "fly"}`), "body.actionSpecs[1].action"},
		"no designer":                 {with(`{"action": "assign_designer"}`), "body.actionSpecs[1].params.designerName"},
		"a param of another action":   {with(`{"action": "note", "params": {"text": "x", "tag": "y"}}`), "body.actionSpecs[1].params.tag"},
		"a tag with a comma":          {with(`{"action": "tag_products", "params": {"tag": "a,b"}}`), "body.actionSpecs[1].params.tag"},
		"more lines than products":    {strings.Replace(plan(`[{"action": "create_report"}]`), `["noline"]`, `["NOLINE", "IPH", "SAM"]`, 1), "body.productLines"},
		"a line that there is not":    {strings.Replace(plan(`[{"action": "create_report"}]`), `noline`, `XYZ`, 1), "body.productLines[0]"},
		"an address without https":    {strings.Replace(plan(`[{"action": "create_report"}]`), `https:`, `http:`, 1), "body.designUrl"},
		"no name":                     {strings.Replace(plan(`[{"action": "create_report"}]`), `Spring hero`, ` `, 1), "body.name"},
	} {
		var p api.Problem
		r := d.Send("POST", templates, c.body)
		if r.JSON(&p); r.Status != 422 || !slices.ContainsFunc(p.Errors, func(f api.Fault) bool { return f.Location == c.where }) {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	if n := apitest.One[int64](d.Door, `SELECT count(*) FROM macrodata_artifact`); n != 0 {
		t.Errorf("%d templates were saved", n)
	}
}

func TestACombosOfATemplateIsWhatThatPlans(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := apitest.Data[combotemplates.ComboTemplate](d.Send("POST", templates, plan(`[{"action": "create_report"}]`)), 201)
	body := d.order(p.TemplateID)
	for where, wrong := range map[string]string{
		"body.type":       strings.Replace(body, `{`, `{"type": "`+settings.Defaults().ComboTypes[1].Code+`", `, 1),
		"body.audience":   strings.Replace(body, `{`, `{"audience": "`+settings.Defaults().Audiences[1]+`", `, 1),
		"body.products":   strings.Replace(body, fmt.Sprintf(`, {"productId": %q}`, d.product[1]), "", 1),
		"body.templateId": d.order(uuid.New()),
	} {
		if r := d.Send("POST", "/api/combo-logs", wrong); r.Status != 422 || !strings.Contains(r.Body, where) {
			t.Errorf("wrong at %s: %d %s", where, r.Status, r.Body)
		}
	}
	if n := apitest.One[int64](d.Door, `SELECT (SELECT count(*) FROM combotemplates_making) + (SELECT count(*) FROM macrodata_artifact WHERE kind = 'combo_report')`); n != 0 {
		t.Errorf("%d things were made", n)
	}
}

func TestActionsThatWereNotedAreStartedLater(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := apitest.Data[combotemplates.ComboTemplate](d.Send("POST", templates, plan(actions)), 201)
	d.lost.on.Store(true)
	c := apitest.Data[combolog.Made](d.Send("POST", "/api/combo-logs", d.order(p.TemplateID)), 201)
	if err := d.service.StartWaiting(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.engine.Status(t.Context(), c.RunID.String()); err == nil {
		t.Error("it was started while its own process had time to")
	}
	d.Exec(`UPDATE combotemplates_making SET created_at = now() - interval '1 minute'`)
	for range 2 {
		if err := d.service.StartWaiting(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if done := d.wait(*c.RunID); len(done) != 5 {
		t.Errorf("they came to %+v", done)
	}
	if n := apitest.One[int64](d.Door, `SELECT count(*) FROM macrodata_artifact WHERE kind = 'design_asset'`); n != 1 {
		t.Errorf("%d assets are asked for", n)
	}
}

func TestActionsOfADeletedComboAreSkipped(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := apitest.Data[combotemplates.ComboTemplate](d.Send("POST", templates, plan(actions)), 201)
	d.lost.on.Store(true)
	made := d.Send("POST", "/api/combo-logs", d.order(p.TemplateID))
	c := apitest.Data[combolog.Made](made, 201)
	made.Undo().Want(200)
	if err := d.service.Start(t.Context(), *c.RunID); err != nil {
		t.Fatal(err)
	}
	for _, a := range d.wait(*c.RunID) {
		if a.Outcome != "skipped" || a.Detail != "the combo was deleted" {
			t.Errorf("%s came to %s: %s", a.Action, a.Outcome, a.Detail)
		}
	}
	if d.shop.Stats().Tagged != 0 {
		t.Error("products were tagged")
	}
}
