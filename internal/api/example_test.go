package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// shelf is a small scenario: gadgets that are listed, made, edited and removed.
type shelf struct {
	db      *pg.DB
	effects atomic.Int64
	during  func(ctx context.Context, where string) error // what a test does in the middle
}

func (s *shelf) endpoints() []api.Endpoint {
	return append([]api.Endpoint{
		api.ListOf("/api/gadgets", "listGadgets", "Lists gadgets by name.", s.list, gadget.position, api.Total(s.count)),
		api.Post("/api/gadgets", "createGadget", "Makes a gadget.", s.create),
		api.Get("/api/gadgets/{gadgetId}", "getGadget", "Tells a gadget.", s.get),
		api.Put("/api/gadgets/{gadgetId}", "replaceGadget", "Replaces a gadget.", s.replace),
		api.Delete("/api/gadgets/{gadgetId}", "deleteGadget", "Removes a gadget.", s.remove),
		api.Post("/api/gadgets/sync", "syncGadgets", "Starts a sync of gadgets.", s.sync),
		api.Query("/api/gadgets/lookup", "lookUpGadgets", "Finds gadgets.", s.lookUp),
		api.Events("/api/gadgets/{gadgetId}/events", "watchGadget", "Tells what happens to a gadget.", s.watch),
	}, api.Changes(s.db, api.Undo("createGadget", s.uncreate))...)
}

type gadget struct {
	api.Versioned
	ID       shop.ID     `json:"gadgetId"`
	Name     string      `json:"name"`
	Price    *shop.Money `json:"price,omitempty"`
	Day      shop.Day    `json:"day"`
	MadeAt   time.Time   `json:"madeAt"`
	Keywords []string    `json:"keywords"`
}

type gadgetPosition struct {
	Name string  `json:"name"`
	ID   shop.ID `json:"id"`
}

func (g gadget) position() gadgetPosition { return gadgetPosition{g.Name, g.ID} }

type listRequest struct {
	api.Page
	Name    []string `query:"name,explode" doc:"Only these."`
	Product api.ID   `query:"productId" doc:"Only of this product."`
	Since   shop.Day `query:"since" doc:"Only from this day on."`
	Active  bool     `query:"active"`
}

func (s *shelf) list(ctx context.Context, req *listRequest, after *gadgetPosition, limit int) (list []gadget, err error) {
	if err := s.at(ctx, "list"); err != nil {
		return nil, err
	}
	if after == nil {
		after = &gadgetPosition{}
	}
	rows, err := s.db.Query(ctx, `SELECT id, name, version FROM gadget
		WHERE (name, id) > ($1, $2) AND (cardinality($3::text[]) = 0 OR name = ANY ($3)) ORDER BY name, id LIMIT $4`,
		after.Name, int64(after.ID), append([]string{}, req.Name...), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		g := gadget{Price: &shop.Money{Amount: 123000, Currency: "USD"}, Day: "2026-11-23", MadeAt: time.Unix(1, 0).UTC(), Keywords: []string{}}
		if err := rows.Scan((*int64)(&g.ID), &g.Name, &g.Version); err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

func (s *shelf) count(ctx context.Context, _ *listRequest) (n int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM gadget`).Scan(&n)
	return n, err
}

type createRequest struct {
	Body struct {
		Name  string      `json:"name" minLength:"1" maxLength:"100"`
		Owner shop.ID     `json:"ownerId,omitempty"`
		Price *shop.Money `json:"price,omitempty"`
		Tags  []string    `json:"tags,omitempty" maxItems:"3"`
	}
}

func (s *shelf) create(ctx context.Context, req *createRequest) (*api.Created[gadget], error) {
	if req.Body.Name == "impossible" {
		var faults api.Faults
		faults.Add("body.name", "is impossible")
		faults.Add("body.tags", "are none")
		return nil, faults.Err()
	}
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.Created[gadget], error) {
		g := gadget{Name: req.Body.Name, Keywords: []string{}, Day: "2026-11-23"}
		err := tx.QueryRow(ctx, `INSERT INTO gadget (name) VALUES ($1) RETURNING id, version`, g.Name).Scan((*int64)(&g.ID), &g.Version)
		if err != nil {
			return nil, err
		}
		s.effects.Add(1)
		_, err = api.Record(ctx, tx, api.Change{Operation: "createGadget", Subject: "gadget", SubjectIDs: []string{g.ID.String()}, After: &g})
		if err != nil {
			return nil, err
		}
		return &api.Created[gadget]{Data: g, Location: "/api/gadgets/" + g.ID.String()}, s.at(ctx, "create")
	})
}

func (s *shelf) uncreate(ctx context.Context, tx pg.Tx, from, to *gadget) error {
	if from == nil { // the undo of an undo
		_, err := tx.Exec(ctx, `INSERT INTO gadget (id, name, version) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)`, int64(to.ID), to.Name, to.Version)
		return err
	}
	tag, err := tx.Exec(ctx, `DELETE FROM gadget WHERE id = $1 AND version = $2`, int64(from.ID), from.Version)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("gadget %s was changed or removed since: %w", from.ID, errs.Conflict)
	}
	return err
}

type gadgetRequest struct {
	ID api.ID `path:"gadgetId"`
}

func (s *shelf) get(ctx context.Context, req *gadgetRequest) (*api.One[gadget], error) {
	g := gadget{ID: req.ID.ID, Keywords: []string{}}
	err := s.db.QueryRow(ctx, `SELECT name, version FROM gadget WHERE id = $1`, int64(g.ID)).Scan(&g.Name, &g.Version)
	if pg.NoRows(err) {
		err = errs.WithRemedy(fmt.Errorf("gadget: %w", errs.NotFound), "look at GET /api/gadgets")
	}
	return &api.One[gadget]{Data: g}, err
}

type replaceRequest struct {
	GadgetID api.ID `path:"gadgetId"`
	api.IfMatch
	Body struct {
		Name string `json:"name"`
	}
}

func (s *shelf) replace(ctx context.Context, req *replaceRequest) (*api.One[gadget], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[gadget], error) {
		g := gadget{ID: req.GadgetID.ID, Name: req.Body.Name, Keywords: []string{}}
		if err := tx.QueryRow(ctx, `SELECT version FROM gadget WHERE id = $1 FOR UPDATE`, int64(g.ID)).Scan(&g.Version); err != nil {
			return nil, err
		}
		if err := req.Check(g.Version); err != nil {
			return nil, err
		}
		g.Version++
		_, err := tx.Exec(ctx, `UPDATE gadget SET name = $2, version = $3 WHERE id = $1`, int64(g.ID), g.Name, g.Version)
		return &api.One[gadget]{Data: g}, err
	})
}

func (s *shelf) remove(ctx context.Context, req *gadgetRequest) error {
	_, err := s.db.Exec(ctx, `DELETE FROM gadget WHERE id = $1`, int64(req.ID.ID))
	return err
}

func (s *shelf) sync(ctx context.Context, _ *struct{}) (*api.Started, error) {
	id := api.KeyID(ctx)
	tag, err := s.db.Exec(ctx, `INSERT INTO gadget_run (id) VALUES ($1) ON CONFLICT DO NOTHING`, id)
	if err != nil {
		return nil, err
	}
	s.effects.Add(tag.RowsAffected())
	return &api.Started{Data: api.Start{RunID: id, StatusURL: "/api/ingest/runs/" + id.String()}}, s.at(ctx, "sync")
}

type lookUpRequest struct {
	Body struct {
		Queries []string `json:"queries" maxItems:"200"`
	}
}

func (s *shelf) lookUp(ctx context.Context, _ *lookUpRequest) (*api.One[uuid.UUID], error) {
	return &api.One[uuid.UUID]{Data: api.KeyID(ctx)}, s.at(ctx, "lookup")
}

func (s *shelf) watch(ctx context.Context, req *gadgetRequest, lastID string) (iter.Seq2[api.Event[gadget], error], error) {
	if req.ID.ID == 404 {
		return nil, fmt.Errorf("gadget: %w", errs.NotFound)
	}
	return func(yield func(api.Event[gadget], error) bool) {
		n := 0
		_, _ = fmt.Sscan(lastID, &n) // "" is 0
		for n++; n <= 3; n++ {
			if !yield(api.Event[gadget]{ID: fmt.Sprint(n), Name: "step", Data: gadget{Name: fmt.Sprint("step ", n)}}, nil) {
				return
			}
		}
		if err := s.at(ctx, "watch"); err != nil {
			yield(api.Event[gadget]{}, err)
		}
	}, nil
}

func (s *shelf) at(ctx context.Context, where string) error {
	if s.during == nil {
		return nil
	}
	return s.during(ctx, where)
}

// door is a served shelf.
type door struct {
	*shelf
	t   testing.TB
	api *api.API
	url string
	log *bytes.Buffer // read it when the request is over
}

var ops = api.Principal{Kind: "user", Name: "ops@example.com"}

// open serves a shelf over real HTTP, to whom the header As names.
func open(t testing.TB, during func(context.Context, string) error, set ...func(*api.Config)) *door {
	t.Helper()
	d := &door{shelf: &shelf{db: pgtest.DB(t), during: during}, t: t, log: &bytes.Buffer{}}
	for _, ddl := range []string{
		`CREATE TABLE gadget (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL, version bigint NOT NULL DEFAULT 1)`,
		`CREATE TABLE gadget_run (id uuid PRIMARY KEY)`,
	} {
		if _, err := d.db.Exec(t.Context(), ddl); err != nil {
			t.Fatal(err)
		}
	}
	c := api.Config{
		Title: "Gadgets", Version: "1", DB: d.db, Heartbeat: 10 * time.Millisecond, KeyWait: time.Minute,
		Log:  slog.New(slog.NewTextHandler(d.log, nil)),
		Shop: func() shop.Info { return shop.Info{Domain: "brand.myshopify.com", TimeZone: "Pacific/Auckland"} },
	}
	for _, f := range set {
		f(&c)
	}
	a, err := api.New(c, d.endpoints()...)
	if err != nil {
		t.Fatal(err)
	}
	d.api = a
	h := a.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := ops
		if as := r.Header.Get("As"); as != "" {
			who.Name = as
		}
		if s := r.Header.Get("Expires-In"); s != "" {
			d, _ := time.ParseDuration(s)
			who.Expires = time.Now().Add(d)
		}
		h.ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), who)))
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) problem(t testing.TB) (p api.Problem) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%d, no problem but %q: %s", r.status, got, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// send sends a request whose headers are "Name: value".
func (d *door) send(method, path, body string, headers ...string) reply {
	d.t.Helper()
	r, err := d.try(method, path, body, headers...)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

func (d *door) try(method, path, body string, headers ...string) (reply, error) {
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, maps.Clone(resp.Header), string(b)}, err
}

func (d *door) fill(names ...string) {
	d.t.Helper()
	if _, err := d.db.Exec(d.t.Context(), `INSERT INTO gadget (name) SELECT unnest($1::text[])`, names); err != nil {
		d.t.Fatal(err)
	}
}
