package designers_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/designers"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const assign, unassign, all = "/api/designers/assign", "/api/designers/unassign", "/api/designers"

// bare is a lakehouse before anything was sold.
type bare struct{}

func (bare) QueryRun(context.Context, string, string, map[string]any, func(func(...any) error) error) error {
	return nil
}

// open serves the scenario on a database with some tags.
func open(t *testing.T) apitest.Door {
	t.Helper()
	db := pgtest.DB(t)
	s := designers.New(db, bare{}).Scenario()
	d := apitest.Open(t, db, s.Endpoints, s.Undoers...)
	d.Exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id, archived_at)
		SELECT n, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid(), CASE WHEN n = 3 THEN now() END FROM generate_series(1, 4) n`)
	d.Exec(`INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York')`)
	d.Exec(`INSERT INTO product_tag (tag_id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'Luna Moth'), (2, 'Owl'), (3, 'Winter')`)
	d.Exec(`INSERT INTO link_product_product_tag VALUES (1, 1), (1, 2), (2, 2), (3, 2)`)
	return d
}

// give assigns tags and returns the answer.
func give(d apitest.Door, name string, tags ...string) apitest.Answer {
	d.Helper()
	return d.Send("POST", assign, fmt.Sprintf(`{"designerName":%q,"tags":["%s"]}`, name, strings.Join(tags, `","`)))
}

// wants looks who there is, a line each.
func wants(d apitest.Door, when, want string) {
	d.Helper()
	got := ""
	for _, e := range apitest.Data[[]designers.Entry](d.Send("GET", all, ""), 200) {
		if e.DesignerName == nil {
			got += fmt.Sprintf("%s: %d products\n", e.Row, e.Products)
		} else {
			got += fmt.Sprintf("%s v%d: %s; %d products\n", *e.DesignerName, *e.Version, strings.Join(e.Tags, ", "), e.Products)
		}
	}
	if got != want {
		d.Errorf("%s there are\n%swant\n%s", when, got, want)
	}
}

func TestBeforeTheFirstSyncNoSalesAreMadeUp(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`DELETE FROM shop`)
	give(d, "Ana", "Owl").Want(200)
	for _, path := range []string{all, all + ".csv", all + "/summary"} {
		if got := d.Send("GET", path, "").Want(409); !strings.Contains(got.Body, "first sync") {
			t.Errorf("%s is answered %s", path, got.Body)
		}
	}
	if names := apitest.Data[[]designers.Name](d.Send("GET", all+"/names", ""), 200); len(names) != 1 {
		t.Errorf("the names are %v", names)
	}
}

func TestTagsAreAssignedAndTakenOff(t *testing.T) {
	t.Parallel()
	d := open(t)
	wants(d, "first", "unattributed: 3 products\n")
	first := give(d, "  Ana   Moreno ", "owl", "LUNA MOTH", " Owl ")
	got := apitest.Data[designers.Assigned](first, 200)
	if got.DesignerName != "Ana Moreno" || fmt.Sprint(got.Tags, got.Assigned, got.Unchanged) != "[Luna Moth Owl] [Owl Luna Moth] []" || first.Header.Get("ETag") != `"1"` {
		t.Errorf("it is answered %+v", got)
	}
	got = apitest.Data[designers.Assigned](give(d, "ANA MORENO", "winter", "owl"), 200)
	if got.DesignerName != "Ana Moreno" || got.Version != 2 || fmt.Sprint(got.Assigned, got.Unchanged) != "[Winter] [Owl]" {
		t.Errorf("more tags are answered %+v", got)
	}
	if a := give(d, "ana moreno", "owl", "winter").Want(409); a.Header.Get("X-Change-Id") != "" {
		t.Error("what changed nothing is recorded")
	}
	give(d, "Ben", "owl").Want(200)
	wants(d, "with a tag that two have", "Ana Moreno v2: Luna Moth, Owl, Winter; 2 products\nBen v1: Owl; 2 products\nunattributed: 1 products\n")

	d.Send("POST", assign, `{"designerName":"Ben","tags":["winter"]}`, `If-Match: "7"`).Want(412)
	d.Send("POST", assign, `{"designerName":"Cleo","tags":["winter"]}`, `If-Match: "1"`).Want(412)
	d.Send("DELETE", unassign, `{"designerName":"ben","tags":["OWL"]}`, `If-Match: "7"`).Want(412)
	d.Send("DELETE", unassign, `{"designerName":"ben","tags":["OWL","winter"]}`, `If-Match: "1"`).Want(204)
	d.Send("DELETE", unassign, `{"designerName":"ben","tags":["owl"]}`).Want(409)
	d.Send("DELETE", unassign+"?designerName=ana%20moreno&tags=Winter&tags=luna+moth", "").Want(204)
	d.Send("DELETE", unassign, `{"designerName":"nobody","tags":["owl"]}`).Want(404)
	wants(d, "with tags taken off", "Ana Moreno v3: Owl; 2 products\nBen v2: ; 0 products\nunattributed: 1 products\n")

	d.Send("DELETE", all+"/"+url.PathEscape("ANA Moreno"), "", `If-Match: "2"`).Want(412)
	d.Send("DELETE", all+"/"+url.PathEscape("ANA Moreno"), "", `If-Match: "3"`).Want(204)
	d.Send("DELETE", all+"/"+url.PathEscape("Ana Moreno"), "").Want(404)
	give(d, "ana MORENO", "winter").Want(200)
	wants(d, "after a new beginning", "ana MORENO v5: Winter; 0 products\nBen v2: ; 0 products\nunattributed: 3 products\n")
	give(d, "A/B", "owl").Want(200)
	d.Send("DELETE", all+"/A%2FB", "").Want(204)
}

func TestChangesOfDesignersAreUndone(t *testing.T) {
	t.Parallel()
	d := open(t)
	begun := give(d, "Ana", "owl").Want(200)
	more := give(d, "Ana", "winter").Want(200)
	begun.Undo().Want(409)
	back := more.Undo().Want(200)
	wants(d, "after the undo", "Ana v3: Owl; 2 products\nunattributed: 1 products\n")
	back.Undo().Want(200)
	wants(d, "after the undo of that", "Ana v4: Owl, Winter; 2 products\nunattributed: 1 products\n")
	d.Send("DELETE", unassign, `{"designerName":"Ana","tags":["winter"]}`).Want(204).Undo().Want(200)
	wants(d, "after the undo of an unassignment", "Ana v6: Owl, Winter; 2 products\nunattributed: 1 products\n")
	gone := d.Send("DELETE", all+"/ana", "").Want(204)
	wants(d, "after the deletion", "unattributed: 3 products\n")
	gone.Undo().Want(200)
	wants(d, "after the undo of the deletion", "Ana v8: Owl, Winter; 2 products\nunattributed: 1 products\n")
	if who := apitest.One[string](d, `SELECT string_agg(DISTINCT principal_name, ',') FROM change`); who != apitest.Staff {
		t.Errorf("the changes are of %s", who)
	}
	give(d, "Ben", "owl").Want(200).Undo().Want(200)
	wants(d, "after the undo of a beginning", "Ana v8: Owl, Winter; 2 products\nunattributed: 1 products\n")
}

func TestAssignmentsThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	d := open(t)
	give(d, "Ana", "owl").Want(200)
	for name, c := range map[string]struct{ method, path, body, where string }{
		"no name":                            {"POST", assign, `{"designerName":" ","tags":["owl"]}`, "body.designerName"},
		"a name of dots":                     {"POST", assign, `{"designerName":"..","tags":["owl"]}`, "body.designerName"},
		"a name that is a word of the API's": {"POST", assign, `{"designerName":"Unassign","tags":["owl"]}`, "body.designerName"},
		"a name that is too long":            {"POST", assign, `{"designerName":"` + strings.Repeat("x", 101) + `","tags":["owl"]}`, "body.designerName"},
		"a name that can't be shown":         {"POST", assign, `{"designerName":"a\u0007","tags":["owl"]}`, "body.designerName"},
		"no tags":                            {"POST", assign, `{"designerName":"Ana","tags":[]}`, "body.tags"},
		"a tag that there is not":            {"POST", assign, `{"designerName":"Ana","tags":["winter","owlet"]}`, "body.tags[1]"},
		"a tag to take off that is none":     {"DELETE", unassign, `{"designerName":"Ana","tags":["owlet"]}`, "body.tags[0]"},
		"such a tag in the query":            {"DELETE", unassign + "?designerName=Ana&tags=owl&tags=owlet", "", "query.tags[1]"},
		"no name in the query":               {"DELETE", unassign + "?tags=owl", "", "query.designerName"},
		"a body and a query":                 {"DELETE", unassign + "?designerName=Ana", `{"designerName":"Ana","tags":["owl"]}`, "query.designerName"},
		"days in the wrong order":            {"GET", all + "?from=2026-02-01&to=2026-01-01", "", "query.to"},
		"a day that is none":                 {"GET", all + "/summary?from=2026-02-30", "", "query.from"},
		"an unknown field":                   {"POST", assign, `{"designerName":"Ana","tags":["owl"],"tag":"x"}`, "body.tag"},
	} {
		t.Run(name, func(t *testing.T) {
			var p api.Problem
			d.Send(c.method, c.path, c.body).Want(422).JSON(&p)
			if len(p.Errors) != 1 || p.Errors[0].Location != c.where {
				t.Errorf("the faults are %+v, want one at %s", p.Errors, c.where)
			}
		})
	}
	wants(d, "what was refused left", "Ana v1: Owl; 2 products\nunattributed: 1 products\n")
}

func TestManyWhoAssignAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Exec(`INSERT INTO product_tag (tag_id, name) OVERRIDING SYSTEM VALUE SELECT 10 + n, 'tag ' || n FROM generate_series(1, 8) n`)
	for _, state := range []string{"new", "there", "deleted"} { // as what the designer begins
		if state == "deleted" {
			d.Send("DELETE", all+"/Ana", "").Want(204)
		}
		var writers sync.WaitGroup
		statuses := make([]int, 8)
		for i := range statuses {
			tag := fmt.Sprintf("tag %d", i+1)
			if state == "there" {
				d.Send("DELETE", unassign, fmt.Sprintf(`{"designerName":"Ana","tags":[%q]}`, tag)).Want(204)
			}
			writers.Go(func() { statuses[i] = give(d, "Ana", tag).Status })
		}
		writers.Wait()
		if fmt.Sprint(statuses) != "[200 200 200 200 200 200 200 200]" {
			t.Errorf("%s: they are answered %v", state, statuses)
		}
		list := apitest.Data[[]designers.Entry](d.Send("GET", all, ""), 200)
		if len(list) != 2 || len(list[0].Tags) != 8 {
			t.Errorf("%s: the designer has %v", state, list[0].Tags)
		}
	}
}

func TestDesignersAreListedByNamePageByPageAndAsCSV(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, name := range []string{"ben", "Ana", "Cleo", "Ähne"} {
		give(d, name, "owl").Want(200)
	}
	got := ""
	for _, path := range []string{all, all + "/names"} {
		for query := "?limit=2"; query != ""; {
			var page struct {
				Data []struct {
					DesignerName *string
				}
				Pagination api.Pagination
			}
			d.Send("GET", path+query, "").Want(200).JSON(&page)
			for _, e := range page.Data {
				if e.DesignerName == nil {
					got += "nobody "
				} else {
					got += *e.DesignerName + " "
				}
			}
			got, query = got+"| ", ""
			if next := page.Pagination.NextCursor; next != nil {
				query = "?limit=2&cursor=" + *next
			}
		}
	}
	if want := "Ana ben | Cleo Ähne | nobody | Ana ben | Cleo Ähne | "; got != want {
		t.Errorf("the pages are %s, want %s", got, want)
	}
	csv := strings.Split(d.Send("GET", all+".csv", "").Want(200).Body, "\r\n")
	if len(csv) != 7 || !strings.HasPrefix(csv[1], "designer,Ana,1,Owl,2,0,0.00,USD,") || !strings.HasPrefix(csv[5], "unattributed,,,,1,0,0.00,USD,") {
		t.Errorf("the CSV is %q", csv)
	}
	sum := apitest.Data[designers.Summary](d.Send("GET", all+"/summary", ""), 200)
	if sum.Designers != 4 || len(sum.Sales) != 1 || sum.Sales[0].Total.NetSales.Currency != "USD" || sum.Sales[0].Total.Share != nil {
		t.Errorf("the summary is %+v", sum)
	}
}
