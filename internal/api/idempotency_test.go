package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

const key = "Idempotency-Key: 6f1c"

func TestFiftyPostsAtOnceHaveOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, body string }{{"/api/gadgets", `{"name":"anvil"}`}, {"/api/gadgets/sync", ""}} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			d := open(t, nil)
			replies := make([]reply, 50)
			var wg sync.WaitGroup
			for i := range replies {
				wg.Go(func() { replies[i], _ = d.try("POST", test.path, test.body, key) })
			}
			wg.Wait()
			for _, r := range replies {
				if r.status/100 != 2 || r.body != replies[0].body || r.header.Get("Location") == "" || r.header.Get("Location") != replies[0].header.Get("Location") ||
					r.header.Get("X-Change-Id") != replies[0].header.Get("X-Change-Id") {
					t.Fatalf("%+v\nis not\n%+v", r, replies[0])
				}
			}
			if n := d.effects.Load(); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	body := `{"name":"anvil"}`
	first := d.send("POST", "/api/gadgets", body, key)
	for _, test := range []struct {
		name, path, body string
		headers          []string
		status           int
		same             bool
	}{
		{"the same again gives the same answer", "/api/gadgets", body, []string{key}, 201, true},
		{"another body is refused", "/api/gadgets", `{"name":"bellows"}`, []string{key}, 422, false},
		{"a body that is wrong is refused before the key is looked at", "/api/gadgets", `{"name":""}`, []string{key}, 422, false},
		{"another operation has keys of its own", "/api/gadgets/sync", "", []string{key}, 202, false},
		{"another person has keys of their own", "/api/gadgets", body, []string{key, "As: creative@example.com"}, 201, false},
		{"another key does it again", "/api/gadgets", body, []string{"Idempotency-Key: other"}, 201, false},
		{"no key does it again", "/api/gadgets", body, nil, 201, false},
		{"what only reads has no keys", "/api/gadgets/lookup", `{"queries":[]}`, []string{key}, 200, false},
	} {
		r := d.send("POST", test.path, test.body, test.headers...)
		if r.status != test.status || (r.body == first.body) != test.same || (r.header.Get("Idempotency-Replayed") == "true") != test.same {
			t.Errorf("%s: %d %s %v", test.name, r.status, r.body, r.header)
		}
	}
	if a, b := d.send("POST", "/api/gadgets/lookup", `{"queries":[]}`, key), d.send("POST", "/api/gadgets/lookup", `{"queries":[]}`, key); a.body == b.body {
		t.Error("the answer of what only reads was kept")
	}
	p := d.send("POST", "/api/gadgets", `{"name":"bellows"}`, key).problem(t)
	if p.Code != "key_reused" {
		t.Errorf("%+v", p)
	}
}

func TestARequestThatDiedIsDoneOnceAllTheSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, path, body string }{
		{"what commits with its answer", "/api/gadgets", `{"name":"anvil"}`},
		{"what is started under the key's id", "/api/gadgets/sync", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := open(t, nil)
			first := d.send("POST", test.path, test.body, key)
			// As if the process had died before the answer was kept, where that
			// is a transaction of its own; else as if it had died after it.
			if _, err := d.db.Exec(t.Context(), `UPDATE idempotency_key SET status = NULL, leased_until = now() - interval '1 second' WHERE operation = 'syncGadgets'`); err != nil {
				t.Fatal(err)
			}
			if second := d.send("POST", test.path, test.body, key); second.body != first.body || second.status != first.status {
				t.Errorf("%+v\nis not\n%+v", second, first)
			}
			if n := d.effects.Load(); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

func TestOneThatWasTakenForDeadCommitsNothing(t *testing.T) {
	t.Parallel()
	var d *door
	var second reply
	calls := 0
	d = open(t, func(ctx context.Context, _ string) error {
		if calls++; calls > 1 {
			return nil
		}
		// The first is in its transaction, and its claim runs out.
		if _, err := d.db.Exec(ctx, `UPDATE idempotency_key SET leased_until = now() - interval '1 second'`); err != nil {
			return err
		}
		second = d.send("POST", "/api/gadgets", `{"name":"anvil"}`, key)
		return nil
	})
	first := d.send("POST", "/api/gadgets", `{"name":"anvil"}`, key)
	if second.status != 201 || first.status != 409 {
		t.Errorf("first %d %s, second %d %s", first.status, first.body, second.status, second.body)
	}
	if p := page(t, d.send("GET", "/api/gadgets", "")); len(p.Data) != 1 {
		t.Errorf("%d gadgets", len(p.Data))
	}
	if third := d.send("POST", "/api/gadgets", `{"name":"anvil"}`, key); third.body != second.body {
		t.Errorf("%+v", third)
	}
}

func TestWhatFailedHereMayBeTriedAgainAndWhatWasRefusedStaysRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		err    error
		first  int
		second int
	}{
		{"away", fmt.Errorf("no: %w", errs.Unavailable), 503, 201},
		{"defect", errors.New("no"), 500, 201},
		{"conflict", fmt.Errorf("run 7 is in progress: %w", errs.Conflict), 409, 409},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			failed := false
			d := open(t, func(context.Context, string) error {
				if failed {
					return nil
				}
				failed = true
				return test.err
			})
			for i, want := range []int{test.first, test.second} {
				if r := d.send("POST", "/api/gadgets", `{"name":"anvil"}`, key); r.status != want {
					t.Errorf("try %d: %d %s", i+1, r.status, r.body)
				}
			}
		})
	}
}

func TestTheFirstRequestIsStillUnderWay(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	d := open(t, func(context.Context, string) error {
		close(in)
		<-out
		return nil
	}, func(c *api.Config) { c.KeyWait = time.Millisecond })
	done := make(chan reply)
	go func() { r, _ := d.try("POST", "/api/gadgets", `{"name":"anvil"}`, key); done <- r }()
	<-in
	r := d.send("POST", "/api/gadgets", `{"name":"anvil"}`, key)
	if p := r.problem(t); r.status != 409 || p.Code != "in_progress" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	close(out)
	if first := <-done; first.status != 201 {
		t.Errorf("%+v", first)
	}
}

func TestKeysAreKeptForADay(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	first := d.send("POST", "/api/gadgets/sync", "", key)
	if n, err := api.PruneKeys(t.Context(), d.db); n != 0 || err != nil {
		t.Errorf("%d keys of today pruned, %v", n, err)
	}
	age := func() {
		if _, err := d.db.Exec(t.Context(), `UPDATE idempotency_key SET created_at = now() - interval '25 hours'`); err != nil {
			t.Fatal(err)
		}
	}
	age()
	second := d.send("POST", "/api/gadgets/sync", "", key)
	if second.status != 202 || second.body == first.body {
		t.Errorf("a day later: %d %s", second.status, second.body)
	}
	age()
	if n, err := api.PruneKeys(t.Context(), d.db); n != 1 || err != nil {
		t.Errorf("%d old keys pruned, %v", n, err)
	}
}

func TestAnAnswerTooLargeToKeepIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	body := `{"name":"` + strings.Repeat("a", 100) + `"}`
	d.send("POST", "/api/gadgets", body, key)
	if _, err := d.db.Exec(t.Context(), `UPDATE idempotency_key SET body = NULL`); err != nil {
		t.Fatal(err)
	}
	if p := d.send("POST", "/api/gadgets", body, key).problem(t); p.Code != "answer_gone" || d.effects.Load() != 1 {
		t.Errorf("%+v, %d effects", p, d.effects.Load())
	}
}
