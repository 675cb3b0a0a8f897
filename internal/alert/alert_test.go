package alert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/alert"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// chat is a webhook that keeps what it is told.
type chat struct {
	*httptest.Server
	mu       sync.Mutex
	messages []alert.Message
	statuses []int // to answer with, one after the other; 200 after the last
}

func newChat(t *testing.T, statuses ...int) *chat {
	c := &chat{statuses: statuses}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the webhook got %s %v, %v", r.Method, r.Header, err)
		}
		if len(c.statuses) > 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.statuses[0])
			c.statuses = c.statuses[1:]
			return
		}
		c.messages = append(c.messages, m)
	}))
	t.Cleanup(c.Close)
	return c
}

// told returns what was taken so far.
func (c *chat) told() []alert.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]alert.Message{}, c.messages...)
}

func teller(d *pg.DB, url string) *alert.Teller {
	return alert.New(alert.Config{
		DB: d, Log: slog.New(slog.DiscardHandler), URL: url, Sync: "bulksync", Secrets: []string{"shpat_hush"},
		RunURL: func(id uuid.UUID) string { return "https://ops.example.com/runs/" + id.String() },
		Every:  5 * time.Millisecond, First: time.Minute,
	})
}

func look(t *testing.T, tellers ...*alert.Teller) {
	t.Helper()
	var all sync.WaitGroup
	for _, one := range tellers {
		all.Go(func() {
			if err := one.Look(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func exec(t *testing.T, d *pg.DB, sql string, args ...any) {
	t.Helper()
	if _, err := d.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// run writes a run of a scenario that ended so long ago.
func run(t *testing.T, d *pg.DB, scenario, status string, ago time.Duration) uuid.UUID {
	t.Helper()
	id := uuid.New()
	exec(t, d, `INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, created_at, started_at, finished_at)
		VALUES ($1, $2, 'cron', 'schedule', '{}', $3, now() - $4::interval, now() - $4::interval, now() - $4::interval)`,
		id, scenario, status, fmt.Sprintf("%d seconds", int(ago.Seconds())))
	return id
}

func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	const webhook = `INSERT INTO webhook_delivery (webhook_id, topic, shop, outcome, due_at, handled_at, received_at, payload) VALUES `
	for _, c := range []struct {
		name  string
		have  func(t *testing.T, d *pg.DB)
		event string // "" for nothing
		says  string
	}{
		{"a run that failed, with what it says itself", func(t *testing.T, d *pg.DB) {
			id := run(t, d, "tagsync", "failed", time.Minute)
			exec(t, d, "UPDATE ingest_run SET error_text = 'token shpat_hush is revoked', remedy = 'Make a new one.' WHERE run_id = $1", id)
		}, alert.RunFailed, "a run of tagsync failed: token [redacted] is revoked. What to do: Make a new one. https://ops.example.com/runs/"},
		{"a run that nobody works on", func(t *testing.T, d *pg.DB) {
			exec(t, d, "UPDATE ingest_run SET finished_at = NULL, heartbeat_at = now() WHERE run_id = $1", run(t, d, "tagsync", "lost", 48*time.Hour))
		}, alert.RunLost, "nobody works on it any more"},
		{"a run that could not be proved", func(t *testing.T, d *pg.DB) { run(t, d, "tagsync", "incomplete", time.Minute) }, alert.RunIncomplete, "the watermark stays"},
		{"a run that left a gap, with its time", func(t *testing.T, d *pg.DB) {
			id := run(t, d, "bulksync", "completed_with_gap", time.Minute)
			exec(t, d, `INSERT INTO ingest_gap (stream, since, until, run_id, reason)
				VALUES ('orders', '2026-01-01 00:00:00+00', '2026-02-01 12:30:00+00', $1, 'the floor')`, id)
		}, alert.RunGap, "orders were not read from 2026-01-01 00:00 UTC to 2026-02-01 12:30 UTC: the floor"},
		{"no sync that went well for 26 hours", func(t *testing.T, d *pg.DB) {
			run(t, d, "bulksync", "completed", 27*time.Hour)
			run(t, d, "tagsync", "completed", time.Hour)
		}, alert.SyncStale, "no sync has gone well since"},
		{"no sync that ever went well", func(t *testing.T, d *pg.DB) { run(t, d, "bulksync", "cancelled", 27*time.Hour) }, alert.SyncStale, "the sync is late"},
		{"a duty of Shopify's", func(t *testing.T, d *pg.DB) {
			exec(t, d, webhook+`('w', 'customers/redact', 's', 'open', '2030-01-02 03:04:00+00', NULL, now(), 'mail@example.com')`)
		}, alert.PrivacyDuty, "What to do: delete them by 2030-01-02 03:04 UTC."},
		{"the end of the app", func(t *testing.T, d *pg.DB) {
			exec(t, d, webhook+`('w', 'app/uninstalled', 's', 'noted', NULL, now(), now(), NULL)`)
		}, alert.AppRemoved, "install the app again"},

		{"nothing of a program without runs", func(*testing.T, *pg.DB) {}, "", ""},
		{"nothing of runs that went well, go on, or were cancelled", func(t *testing.T, d *pg.DB) {
			for _, status := range []string{"completed", "completed_with_rejects", "cancelled"} {
				run(t, d, "bulksync", status, time.Minute)
			}
			exec(t, d, "UPDATE ingest_run SET status = 'running', finished_at = NULL WHERE run_id = $1", run(t, d, "bulksync", "failed", time.Minute))
		}, "", ""},
		{"nothing of what is over for more than a day", func(t *testing.T, d *pg.DB) {
			for range 50 {
				run(t, d, "tagsync", "failed", 25*time.Hour)
			}
			exec(t, d, webhook+`('w', 'app/uninstalled', 's', 'noted', NULL, now(), now() - interval '25 hours', NULL)`)
		}, "", ""},
		{"nothing of webhooks that were handled", func(t *testing.T, d *pg.DB) {
			exec(t, d, webhook+`('w', 'customers/redact', 's', 'deleted', now(), now(), now(), NULL)`)
		}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, to := pgtest.DB(t), newChat(t)
			c.have(t, d)
			// Two processes look at once, and again, and after a restart.
			one, two := teller(d, to.URL), teller(d, to.URL)
			look(t, one, two)
			look(t, one, two)
			look(t, teller(d, to.URL))
			told := to.told()
			if c.event == "" {
				if len(told) != 0 {
					t.Errorf("told was %+v", told)
				}
				return
			}
			if len(told) != 1 || told[0].Event != c.event || !strings.Contains(told[0].Text, c.says) || told[0].At.IsZero() {
				t.Fatalf("told was %+v, want once %s with %q", told, c.event, c.says)
			}
			text, _ := json.Marshal(told[0])
			if m := told[0]; m.Cause == "" || m.Remedy == "" || (m.RunID != nil) != (m.URL != "") || strings.Contains(string(text), "hush") || strings.Contains(string(text), "mail@") {
				t.Errorf("the message is %s", text)
			}
		})
	}
}

func TestARunThatFailsAgainIsToldAgain(t *testing.T) {
	t.Parallel()
	d, to := pgtest.DB(t), newChat(t)
	one := teller(d, to.URL)
	id := run(t, d, "tagsync", "failed", time.Hour)
	look(t, one)
	exec(t, d, "UPDATE ingest_run SET finished_at = now() WHERE run_id = $1", id)
	look(t, one)
	look(t, one)
	if told := to.told(); len(told) != 2 || *told[0].RunID != id || *told[1].RunID != id {
		t.Errorf("told was %+v", told)
	}
}

func TestASyncThatIsLateIsToldOnceADay(t *testing.T) {
	t.Parallel()
	d, to := pgtest.DB(t), newChat(t)
	one := teller(d, to.URL)
	id := run(t, d, "bulksync", "completed", 27*time.Hour)
	look(t, one)
	// A day passes for a stretch that begins where it began: the alert of day 0 is
	// there, and that of day 1 isn't.
	exec(t, d, `UPDATE alert SET key = (SELECT 'stale:bulksync:' || (extract(epoch FROM finished_at - interval '1 day') * 1000000)::bigint || ':0' FROM ingest_run WHERE run_id = $1)`, id)
	exec(t, d, "UPDATE ingest_run SET finished_at = finished_at - interval '1 day' WHERE run_id = $1", id)
	look(t, one)
	look(t, one)
	if told := to.told(); len(told) != 2 || told[1].Event != alert.SyncStale {
		t.Errorf("told was %+v", told)
	}
}

// TestAnAlertIsSentUntilItIsTaken, whatever is wrong with the webhook.
func TestAnAlertIsSentUntilItIsTaken(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	to := newChat(t, 500, 429, 302)
	run(t, d, "tagsync", "failed", time.Minute)

	// Nobody is there at first.
	away := httptest.NewServer(nil)
	away.Close()
	look(t, teller(d, away.URL+"/hush"))
	n, _, why, err := alert.HeldUp(t.Context(), d)
	if err != nil || n != 1 || why == "" || strings.Contains(why, "hush") {
		t.Fatalf("held up are %d, because %q, %v", n, why, err)
	}
	var wait float64
	if err := d.QueryRow(t.Context(), "SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM alert").Scan(&wait); err != nil || wait < 50 || wait > 60 {
		t.Errorf("the next attempt is in %f s, %v", wait, err)
	}
	exec(t, d, "UPDATE alert SET next_attempt_at = now()")

	c := teller(d, to.URL).Config
	c.First, c.Longest = time.Millisecond, 2*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { alert.New(c).Run(ctx); close(ended) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for sent := false; !sent; {
		<-tick.C
		err := d.QueryRow(ctx, "SELECT sent_at IS NOT NULL AND attempts = 5 AND last_error IS NULL FROM alert").Scan(&sent)
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-ended
	if told := to.told(); len(told) != 1 {
		t.Errorf("told was %+v", told)
	}
	if n, _, _, err := alert.HeldUp(t.Context(), d); n != 0 || err != nil {
		t.Errorf("held up are %d, %v", n, err)
	}
	if n, err := alert.Prune(t.Context(), d, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d were pruned, %v", n, err)
	}
}
