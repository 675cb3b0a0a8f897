package api_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// watch opens a stream and returns its lines.
func watch(t *testing.T, ctx context.Context, url string, headers ...string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewScanner(resp.Body)
}

// until reads lines up to one that begins so, and fails where there is none.
func until(t *testing.T, lines *bufio.Scanner, prefix string) (seen []string) {
	t.Helper()
	for lines.Scan() {
		seen = append(seen, lines.Text())
		if strings.HasPrefix(lines.Text(), prefix) {
			return seen
		}
	}
	t.Fatalf("no line %q in %q", prefix, seen)
	return nil
}

func waits(ctx context.Context, where string) error {
	if where == "watch" {
		<-ctx.Done()
	}
	return nil
}

func TestEventsAreSentAtOnceAndTheHeartBeats(t *testing.T) {
	t.Parallel()
	d := open(t, waits)
	resp, lines := watch(t, t.Context(), d.url+"/api/gadgets/1/events")
	h := resp.Header
	if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-cache, no-transform" || h.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%v", h)
	}
	got := strings.Join(until(t, lines, ": still here"), "\n")
	if !strings.HasPrefix(got, "retry: 2000\n\nid: 1\nevent: step\ndata: {\"version\":0,") || strings.Count(got, "event: step") != 3 {
		t.Error(got)
	}
}

func TestAStreamGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	_, lines := watch(t, t.Context(), d.url+"/api/gadgets/1/events", "Last-Event-ID: 2")
	if got := strings.Join(until(t, lines, "event: end"), "\n"); strings.Contains(got, "id: 2") || !strings.Contains(got, "id: 3") {
		t.Error(got)
	}
}

func TestWhatIsNotThereIsAProblemAndNoStream(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	if r := d.send("GET", "/api/gadgets/404/events", ""); r.problem(t).Code != "not_found" || r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
	r := d.send("GET", "/api/gadgets/1/events?x=1", "", "Last-Event-ID: "+strings.Repeat("9", 256))
	if p := r.problem(t); r.status != 422 || len(p.Errors) == 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		headers []string
		end     func(*door, context.CancelFunc)
		last    string
	}{
		{"with the token", []string{"Expires-In: 300ms"}, func(*door, context.CancelFunc) {}, "retry: "},
		{"with the server", nil, func(d *door, _ context.CancelFunc) { d.api.Drain() }, "retry: "},
		{"with the client", nil, func(_ *door, leave context.CancelFunc) { leave() }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			d := open(t, func(ctx context.Context, where string) error {
				defer close(ended)
				return waits(ctx, where)
			})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			_, lines := watch(t, ctx, d.url+"/api/gadgets/1/events", test.headers...)
			until(t, lines, ": still here")
			test.end(d, leave)
			if test.last != "" {
				until(t, lines, test.last)
				for lines.Scan() {
					if lines.Text() != "" {
						t.Errorf("after the end: %q", lines.Text())
					}
				}
			}
			select {
			case <-ended: // the scenario's own function is told
			case <-time.After(10 * time.Second):
				t.Error("the events go on for nobody")
			}
		})
	}
}

func TestEventsThatFailOrPanicEndWithoutTheProcess(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"fails":  func() error { return errors.New("lost the database") },
		"panics": func() error { panic("lost the database") },
	} {
		d := open(t, func(context.Context, string) error { return fail() })
		_, lines := watch(t, t.Context(), d.url+"/api/gadgets/1/events")
		for lines.Scan() {
			if lines.Text() == "event: end" {
				t.Errorf("%s: as if it had come to its end", name)
			}
		}
		if !strings.Contains(d.log.String(), "lost the database") {
			t.Errorf("%s: log %s", name, d.log)
		}
	}
}
