package catalog

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// token is what a catalog would ask for.
const token = "of-the-catalog"

// front stands before a REST catalog, counts what passes, and disturbs it.
type front struct {
	t         *testing.T
	proxy     *httputil.ReverseProxy
	conflicts atomic.Int64 // commits that were refused
	lose      atomic.Bool  // the answer of the next commit, which is done nevertheless
	hold      atomic.Pointer[held]
}

// held is a commit that waits on its way to the catalog.
type held struct{ arrived, release chan struct{} }

func newFront(t *testing.T, s *site) *front {
	t.Helper()
	behind, err := url.Parse(s.catalog)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, proxy: &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	f.proxy.ModifyResponse = f.answer
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s.catalog = server.URL
	return f
}

func isCommit(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/tables/sales")
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+token {
		f.t.Errorf("%s %s came with the authorization %q", r.Method, r.URL.Path, got)
	}
	if isCommit(r) {
		if h := f.hold.Swap(nil); h != nil {
			close(h.arrived)
			<-h.release
		}
	}
	f.proxy.ServeHTTP(w, r)
}

func (f *front) answer(r *http.Response) error {
	switch {
	case !isCommit(r.Request):
	case r.StatusCode == http.StatusConflict:
		f.conflicts.Add(1)
	case r.StatusCode == http.StatusOK && f.lose.CompareAndSwap(true, false):
		return http.ErrAbortHandler
	}
	return nil
}

// TestCommitOnTopOfAnother lets a commit pass while another is on its way: the
// second one is refused, and done again on top of the first.
func TestCommitOnTopOfAnother(t *testing.T) {
	t.Parallel()
	s := folderAndREST(t)
	f := newFront(t, &s)
	l := newLab(t, s)
	for range 2 { // so that there is something to compact
		l.append(t)
	}
	l.drain(t)

	h := &held{make(chan struct{}), make(chan struct{})}
	f.hold.Store(h)
	l.append(t)
	drained := make(chan error)
	go func() { drained <- l.open(t).Drain(t.Context(), rows.TableSales, l.last) }()
	<-h.arrived
	if _, err := l.Compact(t.Context(), rows.TableSales); err != nil {
		t.Fatal(err)
	}
	if err := l.Tag(t.Context(), "meanwhile"); err != nil {
		t.Fatal(err)
	}
	close(h.release)
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if n := f.conflicts.Load(); n != 1 {
		t.Errorf("%d commits were refused, want 1", n)
	}
	l.check(t, "after both", "", after(3, 2))
	l.check(t, "as of what came between", lake.TagOf("meanwhile"), after(2, 1))
}

func TestCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	s := folderAndREST(t)
	f := newFront(t, &s)
	l := newLab(t, s)
	f.lose.Store(true)
	l.append(t)
	l.drain(t)
	if f.lose.Load() {
		t.Error("no answer was lost")
	}
	l.check(t, "after the loss", "", after(1, 1))
}

// TestOthersReadWhatTheCatalogNames reads the table as somebody would who knows
// nothing but the catalog's address.
func TestOthersReadWhatTheCatalogNames(t *testing.T) {
	t.Parallel()
	s := folderAndREST(t)
	l := newLab(t, s)
	for range 2 {
		l.append(t)
	}
	l.drain(t)
	answer, err := http.Get(s.catalog + "/v1/namespaces/measurement/tables/sales")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	var named struct {
		Location string `json:"metadata-location"`
		Metadata struct {
			Properties map[string]string
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&named); err != nil {
		t.Fatal(err)
	}
	if got := named.Metadata.Properties["macrodata.sequence"]; got != "2" {
		t.Errorf("the catalog says that the table is at batch %q, want 2", got)
	}

	location, err := url.Parse(named.Location)
	if err != nil {
		t.Fatal(err)
	}
	reader := exec.CommandContext(t.Context(), "node", "icebird.mjs", location.Path)
	reader.Dir = "../reader"
	check := exec.CommandContext(t.Context(), "node", "-e", "import('icebird')")
	check.Dir = reader.Dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Skipf("icebird can't be used here: run make deps: %v %.200s", err, out)
	}
	var said bytes.Buffer
	reader.Stderr = &said
	out, err := reader.Output()
	if err != nil {
		t.Fatalf("icebird: %v: %.2000s", err, &said)
	}
	var got struct {
		Rows       int64
		Lines      int64
		CountedNet string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := after(2, 2)
	if diff := cmp.Diff([]any{want.Rows, want.Lines, strconv.FormatInt(int64(want.Net), 10)},
		[]any{got.Rows, got.Lines, got.CountedNet}); diff != "" {
		t.Errorf("icebird (-want +got):\n%s", diff)
	}
}
