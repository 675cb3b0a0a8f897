package settings

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// lab serves the settings of a database of its own.
type lab struct {
	db  *pg.DB
	url string
}

func newLab(t *testing.T) lab {
	t.Helper()
	db := pgtest.DB(t)
	s := New(db, func(context.Context, pg.Tx, []LineRule) error { return nil }) // products are those of the catalog
	a, err := api.New(api.Config{Title: "t", Version: "1", DB: db}, append(s.Endpoints(), api.Changes(db, s.Undo())...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := api.Principal{Kind: "user", Name: "ops@example.com"}
		a.Handler().ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), p)))
	}))
	t.Cleanup(server.Close)
	return lab{db, server.URL}
}

// answer is what a request is answered.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) settings(t *testing.T) settings {
	t.Helper()
	var got struct{ Data settings }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	return got.Data
}

func (l lab) send(t *testing.T, method, path, ifMatch string, body any) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, l.url+path, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodGet {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close() //nolint:errcheck // only read
	all, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(all)}
}

func TestSettingsAreWrittenByVersionAndUndone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.send(t, http.MethodGet, "/api/settings", "", nil)
	if got := first.settings(t); first.header.Get("ETag") != `"0"` || len(got.TagCategories) != 6 || got.UpdatedAt != nil {
		t.Fatalf("the defaults are %+v, ETag %s", got, first.header.Get("ETag"))
	}
	v := Defaults()
	v.ProductLines = []LineRule{{" IPH ", LineMatch{TitleContains: " iPhone "}}}
	written := l.send(t, http.MethodPut, "/api/settings", `"0"`, v)
	if got := written.settings(t); got.Version != 1 || got.ProductLines[0] != (LineRule{"IPH", LineMatch{TitleContains: "iPhone"}}) {
		t.Errorf("written are %+v", got)
	}
	if got := l.send(t, http.MethodPut, "/api/settings", `"0"`, v); got.status != http.StatusPreconditionFailed {
		t.Errorf("a write over an old version is answered %d %s", got.status, got.body)
	}
	if got, err := Read(t.Context(), l.db); err != nil || len(got.ProductLines) != 1 {
		t.Errorf("Read gave %+v, %v", got, err)
	}
	undo := "/api/changes/" + written.header.Get("X-Change-Id") + "/undo"
	if got := l.send(t, http.MethodPost, undo, "", struct{}{}); got.status != http.StatusOK {
		t.Fatalf("the undo is answered %d %s", got.status, got.body)
	} else if now := l.send(t, http.MethodGet, "/api/settings", "", nil).settings(t); len(now.ProductLines) != 0 || now.Version != 2 {
		t.Errorf("after the undo they are %+v", now)
	} else if got := l.send(t, http.MethodPost, "/api/changes/"+got.header.Get("X-Change-Id")+"/undo", "", struct{}{}); got.status != http.StatusOK {
		t.Errorf("the undo of the undo is answered %d %s", got.status, got.body)
	}
	if now := l.send(t, http.MethodGet, "/api/settings", "", nil).settings(t); len(now.ProductLines) != 1 || now.Version != 3 {
		t.Errorf("after the undo of the undo they are %+v", now)
	}
}

func TestAnUndoLeavesWhatWasChangedSince(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	v := Defaults()
	v.Audiences = []string{"KIDS"}
	change := l.send(t, http.MethodPut, "/api/settings", "", v).header.Get("X-Change-Id")
	v.Audiences = []string{"TEENS"}
	l.send(t, http.MethodPut, "/api/settings", "", v).settings(t)
	if got := l.send(t, http.MethodPost, "/api/changes/"+change+"/undo", "", struct{}{}); got.status != http.StatusConflict {
		t.Errorf("the undo of an earlier change is answered %d %s", got.status, got.body)
	}
}

func TestSettingsKeepTheCategoriesThatTagsHave(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if _, err := l.db.Exec(t.Context(), `INSERT INTO product_tag (name, category) VALUES ('waves', 'design'), ('summer', 'season')`); err != nil {
		t.Fatal(err)
	}
	v := Defaults()
	v.TagCategories, v.Audiences = []string{"design"}, []string{"no code"}
	got := l.send(t, http.MethodPut, "/api/settings", "", v)
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "1 tags have") || !strings.Contains(got.body, "body.audiences[0]") {
		t.Errorf("it is answered %d %s", got.status, got.body)
	}
	if now := l.send(t, http.MethodGet, "/api/settings", "", nil).settings(t); now.Version != 0 || len(now.TagCategories) != 6 {
		t.Errorf("what was refused left %+v", now)
	}
}

// TestOfTwoWritersOfOneVersionOneWins, the first time as well, when there is no
// row yet.
func TestOfTwoWritersOfOneVersionOneWins(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var writers sync.WaitGroup
	statuses := make([]int, 4)
	for i := range statuses {
		writers.Go(func() { statuses[i] = l.send(t, http.MethodPut, "/api/settings", `"0"`, Defaults()).status })
	}
	writers.Wait()
	wins := 0
	for _, s := range statuses {
		if s == http.StatusOK {
			wins++
		} else if s != http.StatusPreconditionFailed {
			t.Errorf("a writer is answered %d", s)
		}
	}
	if wins != 1 {
		t.Errorf("%d writers won", wins)
	}
}
