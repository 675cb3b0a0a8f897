package outage

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/test/lab"
	"github.com/macrodata-dev/macrodata/test/proof"
)

var (
	stops  = flag.Int("outage.stops", 3, "how often PostgreSQL is stopped within a sync")
	orders = flag.Int("outage.orders", 1000, "orders of the shop")
)

func TestPostgreSQLIsStoppedWithinASync(t *testing.T) {
	t.Parallel()
	w := lab.New(t, *orders)
	db := newServer(t, folder(t))
	// A step that an outage hits is tried again for some seconds, not for minutes.
	l := w.Lab(t, db.URL(), "MACRODATA_RETRY_DELAY=100ms", "MACRODATA_RETRY_LIMIT=8", "MACRODATA_RETRY_MAX=2s")
	p := l.Serve(t)
	run := p.Sync(t)
	watched := watch(t, p, run)
	var recovery []time.Duration
	for n := range *stops {
		until := l.Number(t, finished) + 1 + rand.N(3)
		lab.Eventually(t, "the sync goes on", func() bool { return l.Number(t, finished) >= until })
		db.stopNow(t)
		refused := watched.refused()
		lab.Eventually(t, "the API says that it is away", func() bool { return watched.refused() > refused+2 })
		if p.IsReady() {
			t.Error("a process without its database says that it is ready")
		}
		db.start(t)
		l.DB.Pool().Reset() // whose connections are dead
		back := time.Now()
		at := l.Number(t, finished)
		lab.Eventually(t, fmt.Sprintf("the sync goes on after outage %d", n+1), func() bool {
			return l.Number(t, finished) > at || l.Number(t, `SELECT count(*) FROM ingest_run WHERE finished_at IS NOT NULL`) > 0
		})
		recovery = append(recovery, time.Since(back))
	}
	lab.Eventually(t, "the API is there again", p.IsReady)
	p.Completes(t, run)
	watched.stop(t)
	checkOnce(t, l)
	lost, doubled := l.Check(t)
	proof.Note(t, proof.Story{
		Family: 2, Name: fmt.Sprintf("PostgreSQL stopped at once within a sync of %d orders", *orders),
		Faults: *stops, Runs: 1, Lost: lost, Doubled: doubled, Recovery: recovery,
	})
}

const finished = `SELECT count(*) FROM step_done WHERE finished_at IS NOT NULL`

// checkOnce finds one run, and one bulk operation of each export.
func checkOnce(t *testing.T, l *lab.Lab) {
	t.Helper()
	if n := l.Number(t, `SELECT count(*) FROM ingest_run`); n != 1 {
		t.Errorf("there are %d runs", n)
	}
	for stream, n := range l.Server.Stats().Bulk {
		if n != 1 {
			t.Errorf("%d bulk operations of %s were started", n, stream)
		}
	}
}

// watcher asks the API all the time. It must answer with what there is, or that
// it is away.
type watcher struct {
	p       *lab.Process
	run     string
	end     chan struct{}
	stopped sync.WaitGroup

	mu           sync.Mutex
	served, away int
	slowest      time.Duration
	wrong        []string
}

func watch(t *testing.T, p *lab.Process, run string) *watcher {
	w := &watcher{p: p, run: run, end: make(chan struct{})}
	w.stopped.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-w.end:
				return
			case <-t.Context().Done(): // the test has failed
				return
			case <-time.After(20 * time.Millisecond):
				w.ask(t, []string{"/api/ingest/runs", "/api/ingest/runs/" + run}[n%2])
			}
		}
	})
	return w
}

func (w *watcher) ask(t *testing.T, path string) {
	begun := time.Now()
	answer := w.p.Send(t, http.MethodGet, path, "")
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close() //nolint:errcheck // only read
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slowest = max(w.slowest, time.Since(begun))
	switch {
	case err != nil:
		w.wrong = append(w.wrong, err.Error())
	case answer.StatusCode == http.StatusOK && json.Valid(body) && strings.Contains(string(body), w.run):
		w.served++
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		w.away++
	default:
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %s %s", path, answer.Status, body))
	}
}

// refused is how often the API said that it is away.
func (w *watcher) refused() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.away
}

func (w *watcher) stop(t *testing.T) {
	t.Helper()
	close(w.end)
	w.stopped.Wait()
	t.Logf("the API served %d times and was away %d times; the slowest answer took %s", w.served, w.away, w.slowest.Round(time.Millisecond))
	if len(w.wrong) > 0 || w.served == 0 {
		t.Errorf("%d answers were wrong; the first: %.400s", len(w.wrong), append(w.wrong, "")[0])
	}
	if w.slowest > 20*time.Second {
		t.Errorf("an answer took %s", w.slowest)
	}
}
