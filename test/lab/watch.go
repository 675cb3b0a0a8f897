package lab

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Events are how a run stands, as those see it who watch it.
type Events struct {
	statuses chan string // closed when the stream ends
}

// Watch follows a run until the stream of its events ends.
func (p *Process) Watch(t *testing.T, run string) *Events {
	t.Helper()
	answer := p.Send(t, http.MethodGet, "/api/ingest/runs/"+run+"/events", "") //nolint:bodyclose // who reads it closes it
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("watching is answered %d", answer.StatusCode)
	}
	e := &Events{make(chan string, 1000)}
	go func() {
		defer close(e.statuses)
		defer answer.Body.Close() //nolint:errcheck // only read
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			var r struct{ Status string }
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &r) == nil {
				e.statuses <- r.Status
			}
		}
	}()
	return e
}

// Until waits to be told of a status.
func (e *Events) Until(t *testing.T, want string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	var seen []string
	for {
		select {
		case status, ok := <-e.statuses:
			if status == want {
				return
			}
			if seen = append(seen, status); !ok {
				t.Fatalf("the events ended before %s; they were %q", want, seen)
			}
		case <-limit:
			t.Fatalf("in 30 s nobody told of %s; the events were %q", want, seen)
		}
	}
}
