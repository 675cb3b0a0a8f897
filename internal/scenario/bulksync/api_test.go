package bulksync_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	simulator "github.com/macrodata-dev/macrodata/sandbox/shopify"
	"github.com/macrodata-dev/macrodata/sandbox/shops"
)

const someone = "ops@example.com"

// door serves the endpoints of a world's sync.
func (w *world) door() string {
	w.Helper()
	a, err := api.New(api.Config{Title: "t", Version: "1", DB: w.db}, w.sync.Scenario().Endpoints...)
	must(w, err)
	handler := a.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(rw, r.WithContext(api.WithPrincipal(r.Context(), api.Principal{Kind: "user", Name: someone})))
	}))
	w.Cleanup(server.Close)
	return server.URL
}

// entry is the part of a run's JSON that tests look at.
type entry struct {
	RunID       uuid.UUID
	Scenario    string
	Trigger     string
	RequestedBy string
	Status      string
	RestartOf   *uuid.UUID
	Since       *time.Time
	CreatedAt   string
	Params      bulksync.Params
	Counts      bulksync.Counts
	Proof       *bulksync.Proof
	Steps       []struct {
		Step, Status string
		Attempts     int
		StartedAt    string
		FinishedAt   string
	}
	Rejected *struct {
		Total   int
		Records []struct {
			Source, SubjectType, SubjectID, Reason, Record string
			Line                                           int
			ResolvedRunID                                  string
		}
	}
}

// send sends a request and expects a status; out takes the answer's JSON.
func (w *world) send(method, url, body string, status int, out any, headers ...string) http.Header {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, url, strings.NewReader(body))
	must(w, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	must(w, err)
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	must(w, err)
	if resp.StatusCode != status {
		w.Fatalf("%s %s answered %d, want %d: %s", method, url, resp.StatusCode, status, all)
	}
	if text, ok := out.(*string); ok {
		*text = string(all)
	} else if out != nil {
		must(w, json.Unmarshal(all, out))
	}
	return resp.Header
}

// tell returns a run as the API tells it.
func (w *world) tell(door string, id uuid.UUID) entry {
	w.Helper()
	var run struct{ Data entry }
	w.send("GET", door+"/api/ingest/runs/"+id.String(), "", 200, &run)
	return run.Data
}

const startPath = "/api/performance-metrics/sync"

func TestASyncIsStartedOverHTTPOnceForAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	door := w.door()
	var first, again api.Started
	header := w.send("POST", door+startPath, `{"mode":"full"}`, 202, &first, "Idempotency-Key: one")
	if want := "/api/ingest/runs/" + first.Data.RunID.String(); first.Data.StatusURL != want || header.Get("Location") != want {
		t.Errorf("the run is at %q and %q, want %q", first.Data.StatusURL, header.Get("Location"), want)
	}
	_, err := w.wait(first.Data.RunID)
	must(t, err)
	// What a process that died before it answered left behind: a claim without an answer.
	w.exec(`UPDATE idempotency_key SET status = NULL, header = NULL, body = NULL, leased_until = now() - interval '1 minute'`)
	w.send("POST", door+startPath, `{"mode":"full"}`, 202, &again, "Idempotency-Key: one")
	if again != first {
		t.Errorf("the same key started %v after %v", again, first)
	}
	if n := w.count("SELECT count(*) FROM ingest_run"); n != 1 {
		t.Errorf("there are %d runs", n)
	}
	run := w.tell(door, first.Data.RunID)
	if run.Status != runs.Completed || run.Trigger != runs.Manual || run.RequestedBy != someone || run.Params.Mode != bulksync.Full {
		t.Errorf("the run is %+v", run)
	}
	w.same()
}

func TestASecondStartOverHTTPNamesTheFirst(t *testing.T) {
	t.Parallel()
	g := newGate("compare")
	w := newWorld(t, setup{fault: g.fault})
	door := w.door()
	var first api.Started
	w.send("POST", door+startPath, `{"mode":"full"}`, 202, &first)
	g.wait(t)
	var p api.Problem
	w.send("POST", door+startPath, `{"mode":"incremental"}`, 409, &p)
	close(g.open)
	if p.Code != "conflict" || !strings.Contains(p.Remedy, first.Data.RunID.String()) {
		t.Errorf("the problem is %+v", p)
	}
	_, err := w.wait(first.Data.RunID)
	must(t, err)
}

func TestStartsThatCannotBeMeantAreRefusedByField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Orders: 20, Products: 10}})
	door := w.door()
	for _, c := range []struct{ name, body, where string }{
		{"no mode", `{}`, "body"},
		{"another mode", `{"mode":"half"}`, "body.mode"},
		{"another resource", `{"mode":"full","resources":["customers"]}`, "body.resources[0]"},
		{"a resource that comes twice", `{"mode":"full","resources":["orders","orders"]}`, "body.resources"},
		{"a since that is no instant", `{"mode":"incremental","since":"yesterday"}`, "body.since"},
		{"a since of the future", `{"mode":"incremental","since":"2999-01-01T00:00:00Z"}`, "body.since"},
		{"a since for everything", `{"mode":"full","since":"2025-01-01T00:00:00Z"}`, "body.since"},
		{"a field that there is not", `{"mode":"full","fast":true}`, "body.fast"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p api.Problem
			w.in(t).send("POST", door+startPath, c.body, 422, &p)
			if len(p.Errors) != 1 || p.Errors[0].Location != c.where || p.Errors[0].Message == "" || p.Remedy == "" {
				t.Errorf("the problem is %+v, want one at %s", p, c.where)
			}
		})
	}
	if n := w.count("SELECT count(*) FROM ingest_run"); n != 0 {
		t.Errorf("%d runs were started", n)
	}
	var one api.Started
	w.send("POST", door+startPath, `{"mode":"incremental","resources":["products"],"since":"2025-05-01T00:00:00Z"}`, 202, &one)
	r, err := w.wait(one.Data.RunID)
	must(t, err)
	if want := time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC); r.Counts.Orders != nil || !r.Run.Since.Equal(want) {
		t.Errorf("what can be meant was taken for %s", r.Run.Params)
	}
}

func TestRunsAreListedByFiltersPageByPageAndAsCSV(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Orders: 20, Products: 10}})
	door := w.door()
	first := w.run(full(), runs.Completed)
	w.clock.advance(time.Hour)
	second := w.run(incremental(), runs.Completed)
	other := uuid.New()
	must(t, w.runs.Create(t.Context(), runs.Request{ID: other, Scenario: "lakehouse", Trigger: runs.Cron, RequestedBy: "schedule"}))
	all := []uuid.UUID{other, second.ID, first.ID}
	between := second.Run.CreatedAt.Format(time.RFC3339Nano)
	for _, c := range []struct {
		name, query string
		want        []uuid.UUID
	}{
		{"all, newest first", "", all},
		{"those of a scenario", "?scenario=bulksync", all[1:]},
		{"those in a state", "?status=queued", all[:1]},
		{"those that something started", "?trigger=cli", all[1:]},
		{"from an instant on", "?from=" + between, all[:2]},
		{"before an instant", "?to=" + between, all[2:]},
		{"none", "?status=lost", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list api.List[entry]
			w.in(t).send("GET", door+"/api/ingest/runs"+c.query, "", 200, &list)
			if got := idsOf(list.Data); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	var paged []uuid.UUID
	for url := door + "/api/ingest/runs?limit=1"; len(paged) < 10; {
		var list api.List[entry]
		w.send("GET", url, "", 200, &list)
		paged = append(paged, idsOf(list.Data)...)
		if !list.Pagination.HasMore {
			break
		}
		url = door + "/api/ingest/runs?limit=1&cursor=" + *list.Pagination.NextCursor
	}
	if !slices.Equal(paged, all) {
		t.Errorf("page by page come %v, want %v", paged, all)
	}
	var csv string
	w.send("GET", door+"/api/ingest/runs.csv?scenario=bulksync", "", 200, &csv)
	if lines := strings.Split(strings.TrimSpace(csv), "\r\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], second.ID.String()+",bulksync,cli,") {
		t.Errorf("the CSV is %q", csv)
	}
	var p api.Problem
	w.send("GET", door+"/api/ingest/runs?status=done&from=x", "", 422, &p)
	if len(p.Errors) != 2 {
		t.Errorf("the problem is %+v", p)
	}
	w.send("GET", door+"/api/ingest/runs?from="+between+"&to="+between, "", 422, &p)
	if len(p.Errors) != 1 || p.Errors[0].Location != "query.to" {
		t.Errorf("the problem is %+v", p)
	}
}

func idsOf(list []entry) (ids []uuid.UUID) {
	for _, e := range list {
		ids = append(ids, e.RunID)
	}
	return ids
}

func TestARunTellsItsStepsProofAndRejectedRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{settings: bulksync.Settings{RejectShare: 0.5}})
	door := w.door()
	w.api.Faults().Bulk(1, simulator.BulkFault{Match: "lineItems", Lines: slices.Repeat([]string{"garbage"}, 103)})
	r := w.run(full(), runs.Incomplete) // Shopify didn't count the garbage
	run := w.tell(door, r.ID)
	if run.Status != runs.Incomplete || run.Counts.Rejected == 0 || run.Proof == nil || run.Proof.Holds || len(run.Proof.Checks) != len(r.Proof.Checks) {
		t.Errorf("the run is %+v", run)
	}
	if run.Rejected.Total != 103 || len(run.Rejected.Records) != 100 || run.Rejected.Records[0].Record != "garbage" || run.Rejected.Records[0].Reason == "" {
		t.Errorf("rejected are %+v", run.Rejected)
	}
	last := run.Steps[len(run.Steps)-1]
	if run.Steps[0].Step != "open" || last.Step != "close" || last.Status != "completed" || last.Attempts != 1 {
		t.Errorf("the steps are %+v", run.Steps)
	}
	if !strings.HasSuffix(run.CreatedAt, "Z") || !strings.HasSuffix(last.FinishedAt, "Z") {
		t.Errorf("instants are told as %s and %s", run.CreatedAt, last.FinishedAt)
	}
	var p api.Problem
	w.send("GET", door+"/api/ingest/runs/"+uuid.NewString(), "", 404, &p)
	if p.Remedy == "" {
		t.Errorf("the problem is %+v", p)
	}
}

// told is an event as it was sent.
type told struct {
	id, name string
	data     struct {
		Status, Step, Unit string
		Done, Total        int64
	}
}

// watch reads the events of a run until the stream ends, and hands each to see.
func (w *world) watch(door string, id uuid.UUID, lastID string, see func(told)) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), "GET", door+"/api/ingest/runs/"+id.String()+"/events", nil)
	must(w, err)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	must(w, err)
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		w.Fatalf("the stream is %d %s", resp.StatusCode, got)
	}
	var e told
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			must(w, json.Unmarshal([]byte(value), &e.data))
		case "":
			if e.name != "" {
				see(e)
			}
			e = told{}
		}
	}
	must(w, lines.Err())
}

func TestARunIsWatchedUntilItHasEnded(t *testing.T) {
	t.Parallel()
	g := newGate("compare")
	w := newWorld(t, setup{fault: g.fault})
	door := w.door()
	id, err := w.sync.Start(t.Context(), full())
	must(t, err)
	g.wait(t)
	var seen []told
	w.watch(door, id, "", func(e told) {
		if seen = append(seen, e); len(seen) == 1 {
			close(g.open)
		}
	})
	if len(seen) < 3 {
		t.Fatalf("the events were %+v", seen)
	}
	first, ended, end := seen[0], seen[len(seen)-2], seen[len(seen)-1]
	if first.name != "progress" || first.data.Status != runs.Running || first.data.Step == "" || first.id == "" {
		t.Errorf("first came %+v", first)
	}
	if ended.name != "ended" || ended.data.Status != runs.Completed || end.name != "end" {
		t.Errorf("at the end came %+v and %+v", ended, end)
	}
	var later []told
	w.watch(door, id, ended.id, func(e told) { later = append(later, e) })
	if len(later) != 1 || later[0].name != "end" {
		t.Errorf("who knew the end was told %+v", later)
	}
	w.send("GET", door+"/api/ingest/runs/"+uuid.NewString()+"/events", "", 404, nil)
}

func TestARunIsCancelledResumedAndRestartedOverHTTP(t *testing.T) {
	t.Parallel()
	g := newGate("compare")
	w := newWorld(t, setup{fault: g.fault})
	door := w.door()
	id, err := w.sync.Start(t.Context(), full())
	must(t, err)
	g.wait(t)
	path := door + "/api/ingest/runs/" + id.String()
	var cancelled struct{ Data entry }
	w.send("POST", path+"/cancel", "", 200, &cancelled)
	if cancelled.Data.Status != runs.Cancelled {
		t.Errorf("the cancelled run is %s", cancelled.Data.Status)
	}
	close(g.open)
	_, _ = w.wait(id) // until the step has let go

	var resumed, fresh, again api.Started
	w.send("POST", path+"/resume", "", 202, &resumed)
	if r, err := w.wait(id); err != nil || resumed.Data.RunID != id || r.Run.Status != runs.Completed {
		t.Fatalf("%v was resumed and ended %s (%v)", resumed, r.Run.Status, err)
	}
	w.clock.advance(time.Hour)
	w.send("POST", path+"/restart", "", 202, &fresh, "Idempotency-Key: anew")
	w.send("POST", path+"/restart", "", 202, &again, "Idempotency-Key: anew")
	if again != fresh || fresh.Data.RunID == id {
		t.Errorf("%v and %v were started for %s", fresh, again, id)
	}
	_, err = w.wait(fresh.Data.RunID)
	must(t, err)
	run := w.tell(door, fresh.Data.RunID)
	if run.Status != runs.Completed || run.RestartOf == nil || *run.RestartOf != id || run.RequestedBy != someone || run.Trigger != runs.Manual {
		t.Errorf("the restarted run is %+v", run)
	}
	w.same()
}

func TestWhatCannotBeControlledIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: shops.Options{Orders: 20, Products: 10}})
	door := w.door()
	done := w.run(full(), runs.Completed)
	other := uuid.New()
	must(t, w.runs.Create(t.Context(), runs.Request{ID: other, Scenario: "lakehouse", Trigger: runs.Cron, RequestedBy: "schedule"}))
	for _, c := range []struct {
		name, verb string
		id         uuid.UUID
		status     int
	}{
		{"a completed run is not cancelled", "cancel", done.ID, 409},
		{"a completed run is not resumed", "resume", done.ID, 409},
		{"a run that the engine has forgotten is not resumed", "resume", other, 404},
		{"a run of another scenario is not restarted", "restart", other, 409},
		{"a run that is not there is not cancelled", "cancel", uuid.New(), 404},
		{"a run that is not there is not resumed", "resume", uuid.New(), 404},
		{"a run that is not there is not restarted", "restart", uuid.New(), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p api.Problem
			w.in(t).send("POST", door+"/api/ingest/runs/"+c.id.String()+"/"+c.verb, "", c.status, &p)
			if p.Remedy == "" {
				t.Errorf("the problem is %+v", p)
			}
		})
	}
	if run := w.tell(door, done.ID); run.Status != runs.Completed {
		t.Errorf("the completed run is %s now", run.Status)
	}
	if run := w.tell(door, other); run.Status != runs.Queued {
		t.Errorf("the other scenario's run is %s now", run.Status)
	}
	if n := w.count("SELECT count(*) FROM ingest_run"); n != 2 {
		t.Errorf("there are %d runs", n)
	}
}
