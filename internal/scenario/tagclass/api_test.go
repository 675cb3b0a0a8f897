package tagclass_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/tagclass"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	bulk         = "/api/tag-classifications/bulk"
	unclassified = "/api/tag-classifications/unclassified"
)

// door serves the scenario on a database of its own.
type door struct{ apitest.Door }

func open(t testing.TB) door {
	t.Helper()
	db := pgtest.DB(t)
	s := tagclass.New(db).Scenario()
	return door{apitest.Open(t, db, s.Endpoints, s.Undoers...)}
}

// categories tells what tags are classified as: "a=design b=- …".
func (d door) categories() string {
	d.Helper()
	return apitest.One[string](d.Door, `SELECT coalesce(string_agg(name || '=' || coalesce(category, '-'), ' ' ORDER BY name), '')
		FROM product_tag WHERE (category IS NULL) = (classified_by IS NULL) AND (category IS NULL) = (classified_at IS NULL)`)
}

// send sends a request and expects a status; out takes the answer's JSON, or its
// text.
func (d door) send(method, path, body string, status int, out any, headers ...string) http.Header {
	d.Helper()
	a := d.Send(method, path, body, headers...).Want(status)
	if text, ok := out.(*string); ok {
		*text = a.Body
	} else if out != nil {
		a.JSON(out)
	}
	return a.Header
}

// classified is the answer to a classification.
type classified struct{ Data tagclass.Classified }

func TestTagsAreClassifiedAndBroughtBackByOneUndo(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO product_tag (name, category, classified_by, classified_at) VALUES
		('Luna Moth', NULL, NULL, NULL), ('Owl', 'season', 'x', now()), ('Winter', 'season', 'x', now()), ('Old', 'other', 'x', now())`)
	body := `{"mappings":[{"tag":" luna moth ","category":"Design"},{"tag":"OWL","category":"design"},{"tag":"winter","category":"season"},{"tag":"Old","category":null}]%s}`
	var dry, done, again classified
	d.send("POST", bulk, fmt.Sprintf(body, `,"dryRun":true`), 200, &dry)
	if got, want := d.categories(), "Luna Moth=- Old=other Owl=season Winter=season"; got != want {
		t.Fatalf("a dry run left %s", got)
	}
	header := d.send("POST", bulk, fmt.Sprintf(body, ""), 200, &done, "Idempotency-Key: one")
	d.send("POST", bulk, fmt.Sprintf(body, ""), 200, &again, "Idempotency-Key: one")
	want := tagclass.Counts{Mappings: 4, Classified: 1, Reclassified: 1, Cleared: 1, Unchanged: 1}
	if done.Data.Counts != want || dry.Data.Counts != want || len(done.Data.Changes) != 3 || !dry.Data.DryRun || dry.Data.ChangeID != nil {
		t.Errorf("it came to %+v, and the dry run to %+v", done.Data, dry.Data)
	}
	if done.Data.ChangeID == nil || header.Get("X-Change-Id") != done.Data.ChangeID.String() || *again.Data.ChangeID != *done.Data.ChangeID {
		t.Fatalf("the changes are %v, %s and %v", done.Data.ChangeID, header.Get("X-Change-Id"), again.Data.ChangeID)
	}
	if got, want := d.categories(), "Luna Moth=design Old=- Owl=design Winter=season"; got != want {
		t.Errorf("they are %s, want %s", got, want)
	}
	undo := "/api/changes/%s/undo"
	var undone struct{ Data struct{ ChangeID string } }
	d.send("POST", fmt.Sprintf(undo, done.Data.ChangeID), "", 200, &undone)
	if got, want := d.categories(), "Luna Moth=- Old=other Owl=season Winter=season"; got != want {
		t.Errorf("after the undo they are %s, want %s", got, want)
	}
	d.send("POST", fmt.Sprintf(undo, undone.Data.ChangeID), "", 200, nil)
	if got, want := d.categories(), "Luna Moth=design Old=- Owl=design Winter=season"; got != want {
		t.Errorf("after the undo of the undo they are %s, want %s", got, want)
	}
	var same classified
	d.send("POST", bulk, fmt.Sprintf(body, ""), 200, &same)
	if same.Data.Unchanged != 4 || same.Data.ChangeID != nil || len(same.Data.Changes) != 0 {
		t.Errorf("the same again came to %+v", same.Data)
	}
}

func TestAnUndoNamesTheTagsThatWereClassifiedSince(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO product_tag (name) VALUES ('Moth'), ('Owl')`)
	var first classified
	d.send("POST", bulk, `{"mappings":[{"tag":"Moth","category":"design"},{"tag":"Owl","category":"design"}]}`, 200, &first)
	d.send("POST", bulk, `{"mappings":[{"tag":"Owl","category":"season"}]}`, 200, nil)
	var p api.Problem
	d.send("POST", "/api/changes/"+first.Data.ChangeID.String()+"/undo", "", 409, &p)
	if !strings.Contains(p.Detail, `"Owl"`) || strings.Contains(p.Detail, "Moth") || p.Remedy == "" {
		t.Errorf("the problem is %+v", p)
	}
	if got := d.categories(); got != "Moth=design Owl=season" {
		t.Errorf("an undo that was refused left %s", got)
	}
}

func TestMappingsAreDoneAllOrNotAtAll(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO product_tag (tag_id, name, category, classified_by, classified_at) OVERRIDING SYSTEM VALUE VALUES
		(1, 'Moth', NULL, NULL, NULL), (2, 'Owl', 'design', 'x', now())`)
	d.Exec(`INSERT INTO product_category (category_id, name, category, description, version, created_by, updated_by)
		VALUES ('01900000-0000-7000-8000-000000000001', 'Birds', 'design', '', 1, 'x', 'x')`)
	d.Exec(`INSERT INTO link_product_category_product_tag VALUES ('01900000-0000-7000-8000-000000000001', 2)`)
	for _, c := range []struct{ name, mappings, where string }{
		{"no mapping at all", ``, "body.mappings"},
		{"a mapping without a category", `{"tag":"Moth"}`, "body.mappings[0]"},
		{"a tag that there is not", `{"tag":"Moth","category":"design"},{"tag":"Mothra","category":"design"}`, "body.mappings[1].tag"},
		{"a category that there is not", `{"tag":"Moth","category":"colour"}`, "body.mappings[0].category"},
		{"a tag that comes twice", `{"tag":"Moth","category":"design"},{"tag":"moth ","category":"season"}`, "body.mappings[1].tag"},
		{"a tag that a group of its category has", `{"tag":"Moth","category":"design"},{"tag":"Owl","category":"season"}`, "body.mappings[1].tag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p api.Problem
			d := d
			d.TB = t
			d.send("POST", bulk, `{"mappings":[`+c.mappings+`]}`, 422, &p)
			if len(p.Errors) != 1 || p.Errors[0].Location != c.where || p.Remedy == "" {
				t.Errorf("the problem is %+v, want one at %s", p, c.where)
			}
			if got := d.categories(); got != "Moth=- Owl=design" {
				t.Errorf("what was refused left %s", got)
			}
		})
	}
}

func TestTenThousandTagsAreClassifiedAtOnceAndBroughtBackByOneUndo(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO product_tag (name) SELECT 'Tag number ' || n FROM generate_series(1, 10000) n`)
	left := func() int {
		return apitest.One[int](d.Door, `SELECT count(*)::integer FROM product_tag WHERE category IS NOT NULL`)
	}
	d.Send("POST", bulk, strings.Replace(tenThousand(), "number 9999", "numbre 9999", 1)).Want(422)
	if n := left(); n != 0 {
		t.Errorf("with one fault among them %d are classified", n)
	}
	done := d.Send("POST", bulk, tenThousand())
	if got := apitest.Data[tagclass.Classified](done, 200); got.Classified != 10_000 || left() != 10_000 {
		t.Errorf("they come to %+v, and %d are classified", got.Counts, left())
	}
	done.Undo().Want(200)
	if n := left(); n != 0 {
		t.Errorf("the undo left %d classified", n)
	}
}

const aShop = `
INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'UTC');
INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id, archived_at)
	SELECT n, 'p' || n, 'p' || n, '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid(), CASE WHEN n = 9 THEN now() END FROM generate_series(1, 9) n;
INSERT INTO product_tag (tag_id, name, category, classified_by, classified_at) OVERRIDING SYSTEM VALUE VALUES
	(1, 'Moth', NULL, NULL, NULL), (2, 'Season: Fall', NULL, NULL, NULL), (3, 'nowhere', NULL, NULL, NULL),
	(4, 'Owls', NULL, NULL, NULL), (5, 'Owl', 'design', 'x', now()), (6, 'vip', NULL, NULL, NULL);
INSERT INTO link_product_product_tag VALUES (1, 1), (9, 1), (2, 2), (3, 4), (4, 4), (5, 4), (3, 5), (4, 5), (5, 5), (1, 6);
INSERT INTO order_header (order_id, name, processed_at, created_at, source_updated_at, currency, taxes_included, subtotal, discount,
		shipping, tax, total, refunded, presentment_currency, presentment_total, tags, is_test, is_edited, refund_count, content_hash, run_id, cancelled_at)
	SELECT n, '#' || n, now(), now(), now(), CASE WHEN n = 4 THEN 'EUR' ELSE 'USD' END, false, 0, 0, 0, 0, 0, 0, 'USD', 0, '{}', n = 3, false, 0, 0,
		gen_random_uuid(), CASE WHEN n = 2 THEN now() END FROM generate_series(1, 4) n;
INSERT INTO order_line_item (line_item_id, order_id, line_no, product_id, title, quantity, current_quantity, unit_price, discount, included_tax, is_gift_card, content_hash, run_id) VALUES
	(1, 1, 1, 1, '', 2, 2, 10, 0.5, 0, false, 0, gen_random_uuid()), -- 19.50 of product 1
	(2, 1, 2, 9, '', 1, 1, 5, 0, 0, false, 0, gen_random_uuid()),    -- 5.00 of an archived product
	(3, 1, 3, 2, '', 1, 1, 99, 0, 0, true, 0, gen_random_uuid()),    -- a gift card
	(4, 2, 1, 2, '', 9, 9, 99, 0, 0, false, 0, gen_random_uuid()),   -- a cancelled order
	(5, 3, 1, 2, '', 9, 9, 99, 0, 0, false, 0, gen_random_uuid()),   -- a test order
	(6, 4, 1, 2, '', 3, 3, 99, 0, 0, false, 0, gen_random_uuid());   -- in another currency`

func TestUnclassifiedTagsComeByImportanceWithWhatIsPlain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(aShop)
	want := []string{
		"Moth: 1 products, 3 units, 24.50 USD",
		"vip: 1 products, 2 units, 19.50 USD",
		"Season: Fall: 1 products, 3 units, 0.00 USD, season",
		"Owls: 3 products, 0 units, 0.00 USD, design",
		"nowhere: 0 products, 0 units, 0.00 USD",
	}
	for _, limit := range []int{50, 2} {
		var got []string
		for cursor := ""; ; {
			var page struct {
				Data       []tagclass.Unclassified
				Pagination api.Pagination
			}
			d.send("GET", fmt.Sprintf("%s?limit=%d%s", unclassified, limit, cursor), "", 200, &page)
			if cursor == "" && *page.Pagination.Total != 5 {
				t.Errorf("the total is %d", *page.Pagination.Total)
			}
			for _, u := range page.Data {
				line := fmt.Sprintf("%s: %d products, %d units, %s %s", u.Tag, u.Products, u.Units, u.NetSales.Amount, u.NetSales.Currency)
				if u.Suggestion != nil {
					line += ", " + u.Suggestion.Category
				}
				got = append(got, line)
			}
			if !page.Pagination.HasMore {
				break
			}
			cursor = "&cursor=" + *page.Pagination.NextCursor
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("by pages of %d they are\n%s\nwant\n%s", limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	var csv string
	d.send("GET", unclassified+".csv?q=SEASON", "", 200, &csv)
	if lines := strings.Split(strings.TrimSpace(csv), "\r\n"); len(lines) != 2 ||
		!strings.Contains(lines[0], "tag,products,units,netSales.amount,netSales.currency,firstSeenAt,suggestion.category,suggestion.reason") ||
		!strings.HasPrefix(lines[1], "Season: Fall,1,3,0.00,USD,") {
		t.Errorf("the CSV is %q", csv)
	}
}
