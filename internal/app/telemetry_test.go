package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

// happened brings events into the lakehouse, as one batch.
func happened(t *testing.T, a *App, events ...rows.Event) {
	t.Helper()
	b := rows.NewTelemetry()
	for _, e := range events {
		b.Add(e)
	}
	body, err := b.Body()
	if err != nil {
		t.Fatal(err)
	}
	var seq int64
	err = a.DB.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		seq, err = outbox.Append(ctx, tx, rows.TableTelemetry, len(events), body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Lake.Drain(t.Context(), rows.TableTelemetry, seq); err != nil {
		t.Fatal(err)
	}
}

type eventPage struct {
	Data []struct {
		EventID, Step, Level string
		OccurredAt           time.Time
		Attributes           json.RawMessage
	}
	Pagination struct{ NextCursor *string }
}

// events reads a list to its end, a few at a time.
func (s served) events(t *testing.T, token string, filter url.Values) (ids []string) {
	t.Helper()
	for filter.Set("limit", "3"); ; {
		status, body := get(t, s.URL()+"/api/ingest/telemetry?"+filter.Encode(), token)
		var page eventPage
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatalf("%v is answered %d %s", filter, status, body)
		}
		for _, e := range page.Data {
			if len(e.Attributes) > 0 {
				t.Errorf("of an event that was told twice the second telling is shown: %+v", e)
			}
			ids = append(ids, e.EventID)
		}
		if page.Pagination.NextCursor == nil {
			return ids
		}
		filter.Set("cursor", *page.Pagination.NextCursor)
	}
}

// TestEventsOfARunComeFromTheLakehouse, each once, in order and page by page,
// however many days lie between them.
func TestEventsOfARunComeFromTheLakehouse(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	token := s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil)
	run := uuid.Must(uuid.NewV7())
	if err := s.app.Runs.Create(t.Context(), runs.Request{ID: run, Scenario: "bulksync", Trigger: runs.Manual, RequestedBy: "ops@example.com", Params: struct{}{}}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	of := func(id string, at time.Time, change func(*rows.Event)) rows.Event {
		e := rows.Event{EventID: id, OccurredAt: at, Scenario: "bulksync", RunID: run.String(), Step: "roots", Event: "step_completed", Level: "info"}
		if change != nil {
			change(&e)
		}
		return e
	}
	other := func(e *rows.Event) { e.RunID, e.Step, e.Level = uuid.NewString(), "poll", "error" }
	var all []rows.Event
	for i := range 7 { // two at an instant
		all = append(all, of(fmt.Sprintf("e%d", i), now.Add(time.Duration(i/2)*time.Second), nil))
	}
	happened(t, s.app, append(all, of("o1", now, other), of("o2", now.AddDate(-1, 0, 0), other))...)
	happened(t, s.app, of("e3", now.Add(time.Second), func(e *rows.Event) { e.Attributes = json.RawMessage(`{"rebuilt":true}`) }))

	year := now.AddDate(-1, 0, -1).Format(time.RFC3339)
	for name, c := range map[string]struct{ filter, want string }{
		"of a run":                          {"runId=" + run.String(), "e0 e1 e2 e3 e4 e5 e6"},
		"of a run from an instant on":       {"runId=" + run.String() + "&from=" + now.Add(2*time.Second).Format(time.RFC3339), "e4 e5 e6"},
		"of a run before an instant":        {"runId=" + run.String() + "&to=" + now.Add(time.Second).Format(time.RFC3339), "e0 e1"},
		"of a run that isn't there":         {"runId=" + uuid.NewString(), ""},
		"of the last seven days":            {"level=error", "o1"},
		"of more than a year":               {"level=error&from=" + year, "o2 o1"},
		"of a step, in all of its spelling": {"step=' OR 1=1", ""},
		"of a step":                         {"step=poll&event=step_completed&scenario=bulksync", "o1"},
	} {
		t.Run(name, func(t *testing.T) {
			filter, err := url.ParseQuery(c.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.events(t, token, filter), " "); got != c.want {
				t.Errorf("events are %q, want %q", got, c.want)
			}
		})
	}
	status, body := get(t, s.URL()+"/api/ingest/telemetry.csv?runId="+run.String(), token)
	if status != http.StatusOK || strings.Count(body, "\n") != 8 {
		t.Errorf("as CSV they are answered %d %s", status, body)
	}
	status, body = get(t, s.URL()+"/api/ingest/telemetry?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", token)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "query.to") {
		t.Errorf("a range that ends before it begins is answered %d %s", status, body)
	}
}
