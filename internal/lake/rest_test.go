package lake_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestRESTCatalog(t *testing.T) {
	t.Parallel()
	l := &lab{db: pgtest.DB(t), warehouse: "file://" + t.TempDir()}
	server := serveREST(t, l)
	useREST := func(c *lake.Config) { c.CatalogURL, c.Token = server.url, "secret" }
	l.Lake = l.open(t, l.db, useREST)

	l.drain(t, l.append(t, sales(1, 10, 0)...))
	if err := l.Tag(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	server.loseAnswer.Store(true)
	l.drain(t, l.append(t, sales(11, 20, 0)...))
	if server.loseAnswer.Load() {
		t.Error("no answer was lost")
	}
	l.checkLines(t, 20)
	if n := len(read(t, l.Lake, lake.TagOf("first"))); n != 10 {
		t.Errorf("as of the first run there are %d rows, want 10", n)
	}
}

func TestRESTCatalogRefusesTheToken(t *testing.T) {
	t.Parallel()
	l := &lab{db: pgtest.DB(t), warehouse: "file://" + t.TempDir()}
	server := serveREST(t, l)
	_, err := lake.Open(t.Context(), lake.Config{DB: l.db, Warehouse: l.warehouse, CatalogURL: server.url, Token: "hunter2"})
	if !errors.Is(err, errs.Denied) || errs.Remedy(err) == "" || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong token: %v", err)
	}
}

// restServer speaks as much of Iceberg's REST protocol as the lakehouse uses,
// for a catalog in PostgreSQL. It is no proof that others' servers understand
// us.
type restServer struct {
	url        string
	catalog    *sqlcatalog.Catalog
	loseAnswer atomic.Bool // of the next commit, which is done nevertheless
}

func serveREST(t *testing.T, l *lab) *restServer {
	t.Helper()
	cc := l.db.Pool().Config().ConnConfig.Copy()
	cc.RuntimeParams["search_path"] = "lake"
	db := stdlib.OpenDB(*cc)
	c, err := sqlcatalog.NewCatalog("rest", db, sqlcatalog.Postgres, iceberg.Properties{"warehouse": l.warehouse})
	if err != nil {
		t.Fatal(err)
	}
	s := &restServer{catalog: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/config", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}}, nil)
	})
	mux.HandleFunc("POST /v1/namespaces", s.createNamespace)
	mux.HandleFunc("GET /v1/namespaces/{namespace}/tables/{table}", s.load)
	mux.HandleFunc("POST /v1/namespaces/{namespace}/tables", s.create)
	mux.HandleFunc("POST /v1/namespaces/{namespace}/tables/{table}", s.commit)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			answer(w, nil, errWrongToken)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); db.Close() }) //nolint:errcheck // nothing is left to lose
	s.url = server.URL
	return s
}

var (
	errWrongToken = errors.New("wrong token")
	errAnswerLost = errors.New("the answer is lost")
)

// answer writes a value, or an error as the protocol has it.
func answer(w http.ResponseWriter, value any, err error) {
	if err == nil {
		json.NewEncoder(w).Encode(value) //nolint:errcheck // the client sees it
		return
	}
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, errWrongToken):
		code = http.StatusUnauthorized
	case errors.Is(err, errAnswerLost):
		code = http.StatusServiceUnavailable
	case errors.Is(err, catalog.ErrNoSuchTable) || errors.Is(err, catalog.ErrNoSuchNamespace):
		code = http.StatusNotFound
	case errors.Is(err, catalog.ErrTableAlreadyExists) || errors.Is(err, catalog.ErrNamespaceAlreadyExists) || lake.Conflict(err):
		code = http.StatusConflict
	}
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // the client sees it
		"error": map[string]any{"message": err.Error(), "type": "Error", "code": code},
	})
}

func (s *restServer) createNamespace(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Namespace  table.Identifier
		Properties iceberg.Properties
	}
	err := json.NewDecoder(r.Body).Decode(&q)
	if err == nil {
		err = s.catalog.CreateNamespace(r.Context(), q.Namespace, q.Properties)
	}
	answer(w, q, err)
}

func identifier(r *http.Request) table.Identifier {
	return table.Identifier{r.PathValue("namespace"), r.PathValue("table")}
}

func (s *restServer) load(w http.ResponseWriter, r *http.Request) {
	tbl, err := s.catalog.LoadTable(r.Context(), identifier(r))
	answerTable(w, tbl, err)
}

func answerTable(w http.ResponseWriter, tbl *table.Table, err error) {
	if err != nil {
		answer(w, nil, err)
		return
	}
	answer(w, map[string]any{"metadata-location": tbl.MetadataLocation(), "metadata": tbl.Metadata()}, nil)
}

func (s *restServer) create(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Name       string
		Schema     *iceberg.Schema
		Spec       *iceberg.PartitionSpec `json:"partition-spec"`
		Properties iceberg.Properties
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		answer(w, nil, err)
		return
	}
	tbl, err := s.catalog.CreateTable(r.Context(), table.Identifier{r.PathValue("namespace"), q.Name}, q.Schema,
		catalog.WithPartitionSpec(q.Spec), catalog.WithProperties(q.Properties))
	answerTable(w, tbl, err)
}

func (s *restServer) commit(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Requirements table.Requirements
		Updates      table.Updates
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		answer(w, nil, err)
		return
	}
	metadata, location, err := s.catalog.CommitTable(r.Context(), identifier(r), q.Requirements, q.Updates)
	if err == nil && s.loseAnswer.CompareAndSwap(true, false) {
		err = errAnswerLost
	}
	answer(w, map[string]any{"metadata-location": location, "metadata": metadata}, err)
}

// TestProcessesOpenAtOnce has several make the same catalog and tables.
func TestProcessesOpenAtOnce(t *testing.T) {
	t.Parallel()
	l := &lab{db: pgtest.DB(t), warehouse: "file://" + t.TempDir()}
	opened := make(chan error)
	for range 4 {
		go func() {
			again, err := lake.Open(t.Context(), lake.Config{DB: l.db, Warehouse: l.warehouse})
			if err == nil {
				_, err = again.Plan(t.Context(), rows.TableSales, "")
				again.Close() //nolint:errcheck // nothing is left to lose
			}
			opened <- err
		}()
	}
	for range 4 {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	}
}
