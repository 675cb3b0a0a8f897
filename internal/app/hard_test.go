package app

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/runs"
)

// endless is a body that never ends, and counts what was read of it.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	const most = 10 << 30
	if e.read.Load() >= most {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

// dial connects to the server, and sends what is given.
func (s served) dial(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // it is done with
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

func (s served) token() string { return s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil) }

// statusOf reads the answer on a connection.
func statusOf(t *testing.T, c net.Conn) int {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close() //nolint:errcheck // the status counts
	return answer.StatusCode
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// grown fails where something took more memory than it may, peak included:
// what was allocated in all bounds it.
func grown(t *testing.T, what string, limit uint64, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	t.Logf("%s allocated %d KiB", what, (after.TotalAlloc-before.TotalAlloc)>>10)
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("%s allocated %d MiB, more than %d", what, n>>20, limit>>20)
	}
}

const startSync = "/api/performance-metrics/sync"

// TestRequestsThatAreTooMuchAreRefusedFast and cost little. It runs by itself,
// so that memory is that of what it asks.
func TestRequestsThatAreTooMuchAreRefusedFast(t *testing.T) { //nolint:paralleltest // see above
	s := serve(t, RoleAll)
	token := s.token()
	s.ask(t, http.MethodGet, "/api/me", "") // the key is fetched
	zipped := &bytes.Buffer{}
	z := gzip.NewWriter(zipped)
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	many := "/api/ingest/runs?" + strings.Repeat("a=1&", 100_000)
	deep := `{"mode":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"
	for _, c := range []struct {
		name, method, path string
		body               io.Reader
		headers            []string
		want               int
	}{
		{"a body of 10 GB in chunks", http.MethodPost, startSync, &endless{}, nil, http.StatusRequestEntityTooLarge},
		{"a body of 10 GB where none is taken", http.MethodPost, "/api/changes/" + uuid.NewString() + "/undo", &endless{}, nil, http.StatusRequestEntityTooLarge},
		{"a body of 10 GB for a page", http.MethodPost, "/", &endless{}, nil, http.StatusMethodNotAllowed},
		{"a header of 1 MB", http.MethodGet, "/api/me", nil, []string{"X-Long", strings.Repeat("x", 1<<20)}, http.StatusRequestHeaderFieldsTooLarge},
		{"a token of 1 MB", http.MethodGet, "/api/me", nil, []string{"Cf-Access-Jwt-Assertion", strings.Repeat("x", 1<<20)}, http.StatusRequestHeaderFieldsTooLarge},
		{"100,000 parameters", http.MethodGet, many, nil, nil, http.StatusRequestHeaderFieldsTooLarge},
		{"as many parameters as fit", http.MethodGet, many[:60<<10], nil, nil, http.StatusUnprocessableEntity},
		{"JSON that is nested 100,000 deep", http.MethodPost, startSync, strings.NewReader(deep), nil, http.StatusBadRequest},
		{"a gzip bomb", http.MethodPost, startSync, zipped, []string{"Content-Encoding", "gzip"}, http.StatusUnsupportedMediaType},
	} {
		t.Run(c.name, func(t *testing.T) {
			grown(t, c.name, 16<<20, func() {
				begun := time.Now()
				if got := s.hurl(t, token, c.method, c.path, c.body, c.headers); got != c.want {
					t.Errorf("it is answered %d, want %d", got, c.want)
				}
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("the answer took %v", took)
				}
			})
			if e, ok := c.body.(*endless); ok && e.read.Load() > 64<<20 {
				t.Errorf("%d MiB of it were taken", e.read.Load()>>20)
			}
		})
	}
}

// hurl sends a request of any size on a connection of its own, and returns the
// status of the answer, which may come before all is sent.
func (s served) hurl(t *testing.T, token, method, path string, body io.Reader, headers []string) int {
	t.Helper()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: macrodata\r\nContent-Type: application/json\r\n", method, path)
	headers = append([]string{}, headers...)
	if !slices.Contains(headers, "Cf-Access-Jwt-Assertion") {
		headers = append(headers, "Cf-Access-Jwt-Assertion", token)
	}
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&head, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != nil {
		head.WriteString("Transfer-Encoding: chunked\r\n")
	}
	c := s.dial(t, "")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(c, head.String()+"\r\n") //nolint:errcheck // the server may have had enough
		if body == nil {
			return
		}
		for p := make([]byte, 64<<10); ; {
			n, err := body.Read(p)
			if _, failed := fmt.Fprintf(c, "%x\r\n%s\r\n", n, p[:n]); failed != nil || err != nil {
				return
			}
		}
	}()
	status := statusOf(t, c)
	c.Close() //nolint:errcheck // the rest needn't be sent
	<-sent
	return status
}

// TestSlowClientsDontKeepOthersWaiting: a thousand that send a byte of their
// headers at a time are cut, and others are answered meanwhile.
func TestSlowClientsDontKeepOthersWaiting(t *testing.T) { //nolint:paralleltest // it measures
	s := serve(t, RoleAll)
	token := s.token()
	p99 := func() time.Duration {
		took := make([]time.Duration, 200)
		for i := range took {
			begun := time.Now()
			if status, body := get(t, s.URL()+"/api/me", token); status != http.StatusOK {
				t.Fatalf("/api/me is answered %d %s", status, body)
			}
			took[i] = time.Since(begun)
		}
		slices.Sort(took)
		return took[len(took)*99/100]
	}
	alone := p99()
	before := heap()
	const slow = 1000
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	var cut atomic.Int64
	for range slow {
		c := s.dial(t, "GET /api/me HTTP/1.1\r\nHost: macrodata\r\nX-Slow: ")
		all.Go(func() {
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if _, err := io.WriteString(c, "x"); err != nil {
					cut.Add(1)
					return
				}
			}
		})
	}
	during, now := p99(), heap()
	memory := now - min(before, now)
	t.Logf("p99 alone %v, beside %d slow clients %v, which hold %d KiB", alone, slow, during, memory>>10)
	// Who waited for slow clients would wait until they are cut, which is seconds.
	// On a quiet machine it is less than 3 times as long; others' work can make it
	// more.
	if limit := max(3*alone, time.Second); during > limit {
		t.Errorf("beside slow clients p99 is %v, alone it is %v", during, alone)
	}
	if memory > 64<<20 {
		t.Errorf("slow clients hold %d MiB", memory>>20)
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Errorf("after 20 s only %d of %d slow clients are cut", cut.Load(), slow)
	}
}

// TestTheServerEndsInOrder: the stream of a run that goes on ends with the word
// to come back, machines are told, and what is being answered is answered.
func TestTheServerEndsInOrder(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	run := uuid.Must(uuid.NewV7())
	if err := s.app.Runs.Create(t.Context(), runs.Request{ID: run, Scenario: "bulksync", Trigger: runs.Manual, RequestedBy: "ops@example.com", Params: struct{}{}}); err != nil {
		t.Fatal(err)
	}
	stream := s.dial(t, fmt.Sprintf("GET /api/ingest/runs/%s/events HTTP/1.1\r\nHost: macrodata\r\nCf-Access-Jwt-Assertion: %s\r\n\r\n", run, s.token()))
	lines := bufio.NewReader(stream)
	for line := ""; line != "event: progress\n"; {
		var err error
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	const body = `{"mode":"no mode"}`
	slow := s.dial(t, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: macrodata\r\nCf-Access-Jwt-Assertion: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		startSync, s.token(), len(body)))
	answers := bufio.NewReader(slow)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the request was not begun: %q %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "retry: ") || strings.Contains(string(rest), "event: end") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	if status, text := get(t, s.OpsURL()+"/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz of a server that ends is answered %d %s", status, text)
	}
	if _, err := io.WriteString(slow, body); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close() //nolint:errcheck // the status counts
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the request under way is answered %d", answer.StatusCode)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
