package access

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	sandbox "github.com/macrodata-dev/macrodata/sandbox/access"
)

// testKeys are made once for all issuers: they cost more than the tests.
var testKeys = sync.OnceValues(func() ([]*rsa.PrivateKey, error) {
	first, err1 := rsa.GenerateKey(rand.Reader, 2048)
	second, err2 := rsa.GenerateKey(rand.Reader, 2048)
	return []*rsa.PrivateKey{first, second}, errors.Join(err1, err2)
})

// lab is an issuer with a verifier of its tokens, and a clock that both go by.
type lab struct {
	issuer   *sandbox.Issuer
	verifier *Verifier
	log      *log

	mu  sync.Mutex
	now time.Time
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{log: &log{}, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	l.issuer, err = sandbox.NewIssuer(sandbox.Config{Keys: keys, Clock: l.clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.issuer.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.issuer.Close() })
	l.verifier, err = New(Config{Team: l.issuer.URL(), Audience: l.issuer.Audience(), Clock: l.clock,
		Log: slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lab) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

// user is a good token, by the newest key.
func (l *lab) user() string { return l.issuer.Sign(l.issuer.UserClaims("ops@brand.example"), nil) }

// send sends a request through Protect to a handler that answers with the
// sender's name.
func (l *lab) send(header http.Header) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/api/runs", nil)
	r.Header = header
	return l.do(r)
}

func (l *lab) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	l.verifier.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := From(r.Context())
		io.WriteString(w, p.Name)
	}), refuse).ServeHTTP(w, r)
	return w.Result()
}

// refuse writes all that a refusal tells.
func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	var refusal Refusal
	if !errors.As(err, &refusal) {
		refusal = Refusal{Status: http.StatusInternalServerError}
	}
	w.WriteHeader(refusal.Status)
	io.WriteString(w, strconv.Quote(err.Error()))
}

func bearing(tokens ...string) http.Header { return http.Header{tokenHeader: tokens} }

// status is that of a request with this token.
func (l *lab) status(token string) int { return l.send(bearing(token)).StatusCode }

// log keeps what was logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
