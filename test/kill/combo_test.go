package kill

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
	labs "github.com/macrodata-dev/macrodata/test/lab"
)

// TestKilledActionsOfATemplate kills the process between each two actions of a
// combo's template. Another one goes on, and each is done once.
func TestKilledActionsOfATemplate(t *testing.T) {
	t.Parallel()
	l := labs.New(t, 20).Lab(t, pgtest.URL(t))
	web := l.Serve(t, "MACRODATA_ROLE=web")
	worker := l.Serve(t, "MACRODATA_ROLE=worker")
	web.Completes(t, web.Sync(t))
	worker.Process.Kill() //nolint:errcheck // it has nothing to do
	for i, point := range []string{"open:after", "act-1:after", "act-2:before", "act-2:after", "act-3:before", "act-3:after", "act-4:after", "act-5:after", "close:before"} {
		t.Run(point, func(t *testing.T) {
			c := combos{l, web, fmt.Sprintf("test %d", i)}
			made := c.make(t)
			killed := l.Begin(t, "MACRODATA_ROLE=worker", "MACRODATA_FAULT_POINT="+point)
			labs.Eventually(t, "the process is killed at "+point, killed.HasEnded)
			worker := l.Serve(t, "MACRODATA_ROLE=worker")
			web.Completes(t, made.RunID)
			c.check(t, made)
			worker.Process.Kill() //nolint:errcheck // as above
		})
	}
}

// TestActionsThatFailedAreResumed once what was in their way is mended.
func TestActionsThatFailedAreResumed(t *testing.T) {
	t.Parallel()
	l := labs.New(t, 20).Lab(t, pgtest.URL(t), "MACRODATA_RETRY_LIMIT=1")
	p := l.Serve(t)
	p.Completes(t, p.Sync(t))
	c := combos{l, p, "test"}
	l.Server.Faults().Request(100, shopify.RequestFault{Match: "TagsAdd", Status: http.StatusInternalServerError})
	made := c.make(t)
	labs.Eventually(t, "the run fails", func() bool { return p.Run(t, made.RunID).Status == "failed" })
	if n := c.Number(t, `SELECT count(*) FROM macrodata_artifact WHERE kind = 'design_asset'`); n != 0 {
		t.Errorf("%d assets were asked for by actions that come later", n)
	}
	l.Server.Faults().Clear()
	if run := p.Post(t, made.RunID, "resume", http.StatusAccepted); run != made.RunID {
		t.Errorf("run %s was resumed as %s", made.RunID, run)
	}
	p.Completes(t, made.RunID)
	c.check(t, made)
}

// combos are those of a template whose actions bear a name of their own.
type combos struct {
	*labs.Lab
	web  *labs.Process
	name string
}

type made struct {
	ComboID    string
	Identifier string
	RunID      string
	Products   []struct{ ProductID shop.ID }
}

func (c combos) make(t *testing.T) (m made) {
	t.Helper()
	var first, second, tag, line1, line2 string
	err := c.DB.QueryRow(t.Context(), `SELECT min(product_id)::text, max(product_id)::text, (SELECT min(name) FROM product_tag) FROM product`).Scan(&first, &second, &tag)
	if err == nil {
		err = c.DB.QueryRow(t.Context(), `SELECT min(product_line), max(product_line) FROM product WHERE product_id::text IN ($1, $2)`, first, second).Scan(&line1, &line2)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := fmt.Sprintf("%q", line1)
	if line2 != line1 {
		lines += fmt.Sprintf(", %q", line2)
	}
	var template struct{ TemplateID string }
	c.web.Call(t, "POST", "/api/combo-templates", fmt.Sprintf(`{"name": %[1]q, "type": "SP", "audience": "WOMEN", "productLines": [%[2]s], "productCount": 2, "actionSpecs": [
		{"action": "create_report"}, {"action": "assign_designer", "params": {"designerName": %[1]q, "tags": [%[3]q]}}, {"action": "tag_products", "params": {"tag": %[1]q}},
		{"action": "request_asset", "params": {"title": %[1]q}}, {"action": "note", "params": {"text": "noted"}}]}`, c.name, lines, tag), http.StatusCreated, &template)
	c.web.Call(t, "POST", "/api/combo-logs", fmt.Sprintf(`{"templateId": %q, "products": [{"productId": %q}, {"productId": %q}], "startedOn": "2026-03-01"}`,
		template.TemplateID, first, second), http.StatusCreated, &m)
	return m
}

func (c combos) check(t *testing.T, m made) {
	t.Helper()
	for what, want := range map[string]int{
		`SELECT count(*) FROM macrodata_artifact WHERE kind = 'combo_report' AND artifact_id = $1::uuid AND payload ->> 'notes' = 'noted'`:                            1,
		`SELECT count(*) FROM macrodata_artifact WHERE kind = 'design_asset' AND payload ->> 'comboId' = $1`:                                                          1,
		`SELECT count(*) FROM macrodata_artifact WHERE kind = 'agent_assignment' AND payload ->> 'designerName' = '` + c.name + `' AND $1 <> ''`:                      1,
		`SELECT count(*) FROM change WHERE (subject_ids @> ARRAY[$1] OR after ->> 'combo' = '` + m.Identifier + `') AND principal_name = 'ops@example.com'`:           3,
		`SELECT jsonb_array_length(counts -> 'actions') FROM ingest_run JOIN combotemplates_making USING (run_id) WHERE combo_id = $1::uuid AND status = 'completed'`: 5,
	} {
		if got := c.Number(t, what, m.ComboID); got != want {
			t.Errorf("%s\nis %d, want %d", what, got, want)
		}
	}
	for _, p := range m.Products {
		times := 0
		for _, tag := range c.Server.Tagged(p.ProductID) {
			if strings.EqualFold(tag.Tag, c.name) {
				times++
			}
		}
		if times != 1 {
			t.Errorf("Shopify has the tag %d times on product %s", times, p.ProductID)
		}
	}
}
