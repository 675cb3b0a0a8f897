package taggroups_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/scenario/taggroups"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const groups = "/api/tag-groups"

// door serves the scenario on a database of its own, with some tags.
type door struct {
	*testing.T
	db  *pg.DB
	url string
}

func open(t *testing.T) door {
	t.Helper()
	d := door{T: t, db: pgtest.DB(t)}
	s := taggroups.New(d.db).Scenario()
	a, err := api.New(api.Config{Title: "t", Version: "1", DB: d.db}, append(s.Endpoints, api.Changes(d.db, s.Undoers...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := api.Principal{Kind: "user", Name: "creative@example.com"}
		a.Handler().ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), p)))
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	d.exec(`INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id, archived_at)
		SELECT n, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid(), CASE WHEN n = 3 THEN now() END FROM generate_series(1, 3) n`)
	d.exec(`INSERT INTO product_tag (tag_id, name, category) OVERRIDING SYSTEM VALUE
		VALUES (1, 'Luna Moth', 'design'), (2, 'Owl', 'design'), (3, 'Winter', 'season'), (4, 'vip', NULL)`)
	d.exec(`INSERT INTO link_product_product_tag VALUES (1, 1), (1, 2), (2, 2), (3, 2)`)
	return d
}

func (d door) exec(sql string, args ...any) {
	d.Helper()
	if _, err := d.db.Exec(d.Context(), sql, args...); err != nil {
		d.Fatal(err)
	}
}

// answer is what a request is answered.
type answer struct {
	status int
	header http.Header
	body   string
}

func (d door) send(method, path, body string, headers ...string) answer {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer got.Body.Close() //nolint:errcheck // only read
	all, err := io.ReadAll(got.Body)
	if err != nil {
		d.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(all)}
}

// save saves a group and returns it as it is then.
func (d door) save(body string, headers ...string) (taggroups.Saved, answer) {
	d.Helper()
	a := d.send("POST", groups, body, headers...)
	var got struct{ Data taggroups.Saved }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		d.Fatalf("%s was answered %d %s", body, a.status, a.body)
	}
	return got.Data, a
}

// undo undoes the change that an answer names.
func (d door) undo(a answer) answer {
	d.Helper()
	return d.send("POST", "/api/changes/"+a.header.Get("X-Change-Id")+"/undo", "")
}

// list tells what groups there are, a line each.
func (d door) list(query string) (list string) {
	d.Helper()
	var got struct{ Data []taggroups.Group }
	a := d.send("GET", groups+query, "")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		d.Fatalf("the list is %d %s", a.status, a.body)
	}
	for _, g := range got.Data {
		category := "any"
		if g.Category != nil {
			category = *g.Category
		}
		list += fmt.Sprintf("%s v%d (%s): %s; %d products\n", g.Name, g.Version, category, strings.Join(g.Tags, ", "), g.Products)
	}
	return list
}

func (d door) wants(when, want string) {
	d.Helper()
	if got := d.list(""); got != want {
		d.Errorf("%s there are\n%swant\n%s", when, got, want)
	}
}

func TestAGroupIsCreatedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	d := open(t)
	made, a := d.save(`{"name":" Night ","category":"Design","tags":["owl","LUNA MOTH"," owl "]}`)
	if made.Outcome != "created" || made.Version != 1 || made.GroupID.Version() != 7 || made.CreatedBy != "creative@example.com" || a.header.Get("ETag") != `"1"` {
		t.Errorf("it was made as %+v", made)
	}
	d.wants("first", "Night v1 (design): Luna Moth, Owl; 2 products\n")
	if same, a := d.save(`{"name":"night","category":"design","tags":["Luna Moth","Owl"]}`); same.Outcome != "changed" || a.header.Get("X-Change-Id") == "" {
		t.Errorf("a name in another case came to %+v", same.Outcome)
	}
	if same, a := d.save(`{"name":"night","category":"design","tags":["Owl","Luna Moth"]}`); same.Outcome != "unchanged" || same.Version != 2 || a.header.Get("X-Change-Id") != "" {
		t.Errorf("the same again came to %+v", same)
	}
	if _, a := d.save(fmt.Sprintf(`{"groupId":"%s","tags":["owl","winter"],"category":null}`, made.GroupID), `If-Match: "2"`); a.header.Get("ETag") != `"3"` {
		t.Errorf("the change by id has the ETag %s", a.header.Get("ETag"))
	}
	d.wants("after a change by id", "night v3 (any): Owl, Winter; 2 products\n")
	if a := d.send("POST", groups, `{"name":"night","tags":[]}`, `If-Match: "2"`); a.status != 412 {
		t.Errorf("a change of an old version is answered %d %s", a.status, a.body)
	}
	if a := d.send("DELETE", groups+"/"+made.GroupID.String(), "", `If-Match: "2"`); a.status != 412 {
		t.Errorf("a deletion of an old version is answered %d %s", a.status, a.body)
	}
	if a := d.send("DELETE", groups+"/"+made.GroupID.String(), "", `If-Match: "3"`); a.status != 204 || a.header.Get("X-Change-Id") == "" {
		t.Errorf("the deletion is answered %d %s", a.status, a.body)
	}
	d.wants("after the deletion", "")
	if a := d.send("DELETE", groups+"/"+made.GroupID.String(), ""); a.status != 404 {
		t.Errorf("a second deletion is answered %d %s", a.status, a.body)
	}
	if again, _ := d.save(`{"name":"NIGHT","tags":[]}`); again.Outcome != "created" || again.GroupID == made.GroupID {
		t.Errorf("the name that is free again made %+v", again)
	}
}

func TestGroupsAreListedByNamePageByPageAndAsCSV(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, body := range []string{
		`{"name":"birds","category":"design","tags":["owl"],"description":"all that fly"}`,
		`{"name":"Cold","category":"season","tags":["winter"]}`, `{"name":"Anything","tags":["vip","owl","luna moth"]}`,
	} {
		d.save(body)
	}
	d.wants("in order", "Anything v1 (any): Luna Moth, Owl, vip; 2 products\nbirds v1 (design): Owl; 2 products\nCold v1 (season): Winter; 0 products\n")
	if got := d.list("?category=season"); !strings.HasPrefix(got, "Cold") || strings.Count(got, "\n") != 1 {
		t.Errorf("of season are %s", got)
	}
	if got := d.list("?q=BIRD"); !strings.HasPrefix(got, "birds") || strings.Count(got, "\n") != 1 {
		t.Errorf("with BIRD in them are %s", got)
	}
	var first struct{ Pagination api.Pagination }
	if err := json.Unmarshal([]byte(d.send("GET", groups+"?limit=2", "").body), &first); err != nil || !first.Pagination.HasMore {
		t.Fatalf("the first page is %+v, %v", first, err)
	}
	if got := d.list("?limit=2&cursor=" + *first.Pagination.NextCursor); !strings.HasPrefix(got, "Cold") {
		t.Errorf("the second page has %s", got)
	}
	csv := d.send("GET", groups+".csv", "")
	if lines := strings.Split(csv.body, "\r\n"); len(lines) != 5 || !strings.Contains(lines[1], `,Anything,,,"Luna Moth, Owl, vip",2,`) {
		t.Errorf("the CSV is %s", csv.body)
	}
}

func TestChangesOfGroupsAreUndone(t *testing.T) {
	t.Parallel()
	d := open(t)
	made, first := d.save(`{"name":"Night","category":"design","tags":["owl"]}`)
	_, second := d.save(`{"name":"Night","tags":["owl","winter"],"description":"dark"}`)
	if a := d.undo(first); a.status != 409 {
		t.Errorf("the undo of what was changed since is answered %d %s", a.status, a.body)
	}
	d.undo(second)
	d.wants("after the undo", "Night v3 (design): Owl; 2 products\n")
	gone := d.send("DELETE", groups+"/"+made.GroupID.String(), "")
	back := d.undo(gone)
	d.wants("after the undo of a deletion", "Night v5 (design): Owl; 2 products\n")
	d.undo(back)
	d.wants("after the undo of that undo", "")

	d.save(`{"name":"NIGHT","tags":[]}`)
	again := d.send("GET", "/api/changes?limit=2", "")
	var list struct {
		Data []struct{ ChangeID, Operation string }
	}
	if err := json.Unmarshal([]byte(again.body), &list); err != nil {
		t.Fatal(err)
	}
	if a := d.send("POST", "/api/changes/"+list.Data[1].ChangeID+"/undo", ""); a.status != 409 || !strings.Contains(a.body, "body.name") {
		t.Errorf("an undo that brings back a name that is taken is answered %d %s", a.status, a.body)
	}
}

func TestAnUndoDoesNotBringBackTagsOfAnotherCategory(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.save(`{"name":"Night","category":"design","tags":["owl"]}`)
	_, second := d.save(`{"name":"Night","category":"design","tags":[]}`)
	d.exec(`UPDATE product_tag SET category = 'season' WHERE name = 'Owl'`)
	if a := d.undo(second); a.status != 409 || !strings.Contains(a.body, "body.tags[0]") {
		t.Errorf("it is answered %d %s", a.status, a.body)
	}
	d.wants("afterwards", "Night v2 (design): ; 0 products\n")
}

func TestGroupsThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.save(`{"name":"Night","tags":["owl"]}`)
	other, _ := d.save(`{"name":"Day","tags":[]}`)
	for _, c := range []struct{ name, body, where string }{
		{"no name", `{"tags":[]}`, "body.name"},
		{"no tags", `{"name":"New"}`, "body"},
		{"a tag that there is not", `{"name":"New","tags":["owl","owlet"]}`, "body.tags[1]"},
		{"a category that there is not", `{"name":"New","category":"colour","tags":[]}`, "body.category"},
		{"a tag of another category", `{"name":"New","category":"design","tags":["winter"]}`, "body.tags[0]"},
		{"a tag without a category", `{"name":"New","category":"design","tags":["vip"]}`, "body.tags[0]"},
		{"the name of another group", fmt.Sprintf(`{"groupId":"%s","name":"night","tags":[]}`, other.GroupID), "body.name"},
		{"a field that there is not", `{"name":"New","tags":[],"colour":"red"}`, "body.colour"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := d.send("POST", groups, c.body)
			var p api.Problem
			if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 422 || len(p.Errors) != 1 || p.Errors[0].Location != c.where || p.Remedy == "" {
				t.Errorf("it is answered %d %s, want a fault at %s", a.status, a.body, c.where)
			}
		})
	}
	if a := d.send("POST", groups, `{"groupId":"01900000-0000-7000-8000-000000000001","tags":[]}`); a.status != 404 {
		t.Errorf("a group that there is not is answered %d %s", a.status, a.body)
	}
	d.wants("what was refused left", "Day v1 (any): ; 0 products\nNight v1 (any): Owl; 2 products\n")
}

func TestOfManyWhoCreateAGroupOneDoes(t *testing.T) {
	t.Parallel()
	d := open(t)
	outcomes := make([]string, 6)
	var writers sync.WaitGroup
	for i := range outcomes {
		writers.Go(func() {
			got, _ := d.save(`{"name":"Night","tags":["owl"]}`)
			outcomes[i] = got.Outcome
		})
	}
	writers.Wait()
	if all := strings.Join(outcomes, " "); strings.Count(all, "created") != 1 || strings.Count(all, "unchanged") != 5 {
		t.Errorf("they came to %s", all)
	}
	d.wants("afterwards", "Night v1 (any): Owl; 2 products\n")
}
