package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	sandbox "github.com/macrodata-dev/macrodata/sandbox/access"
)

// TestRotationCostsNobodyA401 sends 10,000 requests, with tokens of the
// current key and of the one before, while the keys rotate four times.
func TestRotationCostsNobodyA401(t *testing.T) {
	t.Parallel()
	const requests, every, senders = 10_000, 2_000, 8
	l := newLab(t)
	var turn sync.RWMutex // to rotate, no request may be under way
	tokens := []string{l.user(), l.user()}
	rotate := func() {
		turn.Lock()
		defer turn.Unlock()
		l.advance(2 * time.Minute)
		if err := l.issuer.Rotate(); err != nil {
			t.Error(err)
		}
		tokens = []string{l.user(), tokens[0]}
	}
	var sent atomic.Int64
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for n := sent.Add(1); n <= requests; n = sent.Add(1) {
				if n%every == 0 && n < requests {
					rotate()
				}
				turn.RLock()
				status := l.status(tokens[n%2])
				turn.RUnlock()
				if status != http.StatusOK {
					t.Errorf("request %d is answered %d", n, status)
				}
			}
		})
	}
	group.Wait()
	if got := l.issuer.Fetches(); got != requests/every {
		t.Errorf("the keys were fetched %d times, want %d", got, requests/every)
	}
}

func TestAThousandUnknownKeysFetchOnceAMinute(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	rest := l.user()
	rest = rest[strings.Index(rest, "."):]
	flood := func() {
		var group sync.WaitGroup
		for n := range 1000 {
			group.Go(func() {
				head := encode(map[string]string{"alg": "RS256", "kid": fmt.Sprint("key-", n)})
				if got := l.status(head + rest); got != http.StatusUnauthorized {
					t.Errorf("answered %d", got)
				}
			})
		}
		group.Wait()
	}
	for minute := range 3 {
		flood()
		l.advance(59 * time.Second)
		flood()
		if got := l.issuer.Fetches(); got != minute+1 {
			t.Fatalf("after minute %d the keys were fetched %d times", minute, got)
		}
		l.advance(time.Second)
	}
}

func TestABadSignatureFetchesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bad := changed(l.user(), 2)
	l.status(l.user())
	l.advance(time.Hour)
	for range 100 {
		if got := l.status(bad); got != http.StatusUnauthorized {
			t.Errorf("answered %d", got)
		}
	}
	if got := l.issuer.Fetches(); got != 1 {
		t.Errorf("the keys were fetched %d times", got)
	}
}

func TestAKeyThatLeftTheSetIsNoLongerGood(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	old := l.user()
	for rotation, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if err := l.issuer.Rotate(); err != nil {
			t.Fatal(err)
		}
		l.advance(2 * time.Minute)
		if err := l.verifier.keys.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.status(old); got != want {
			t.Errorf("after rotation %d the old token is answered %d, want %d", rotation+1, got, want)
		}
	}
}

const silence = "it doesn't answer"

// impatient shortens the wait for an answer that never comes.
func (l *lab) impatient(outage string) {
	if outage == silence {
		l.verifier.keys.client.Timeout = 100 * time.Millisecond
	}
}

// outages are what a key server does instead of answering with keys.
func outages() map[string]http.HandlerFunc {
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	return map[string]http.HandlerFunc{
		"it answers 503":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"it cuts the connection":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		silence:                    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"it answers a page":        text("<html>Sign in to the network</html>"),
		"it answers nothing":       text(""),
		"it answers half a set":    text(`{"keys":[{"kid":"a"`),
		"it answers an empty set":  text(`{"keys":[]}`),
		"it answers other's types": text(`{"keys":"none"}`),
	}
}

func TestWithoutItsKeyServer(t *testing.T) {
	t.Parallel()
	for name, outage := range outages() {
		t.Run("nobody gets in where "+name+" from the start", func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.issuer.Break(outage)
			l.impatient(name)
			for range 20 {
				resp := l.send(bearing(l.user()))
				if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "60" {
					t.Fatalf("answered %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
				}
			}
			if got := l.status(""); got != http.StatusUnauthorized {
				t.Errorf("without a token: %d", got)
			}
			if got := l.issuer.Fetches(); got > 1 {
				t.Errorf("the keys were asked for %d times in one minute", got)
			}
			l.issuer.Break(nil)
			l.advance(time.Minute)
			l.verifier.keys.client.Timeout = fetchTimeout
			if got := l.status(l.user()); got != http.StatusOK {
				t.Errorf("a minute later, with the keys back: %d", got)
			}
		})
		t.Run("known keys stay good where "+name+" later", func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			old := l.user()
			if got := l.status(old); got != http.StatusOK {
				t.Fatalf("at first: %d", got)
			}
			l.issuer.Break(outage)
			l.impatient(name)
			if err := l.issuer.Rotate(); err != nil {
				t.Fatal(err)
			}
			l.advance(2 * time.Hour)
			if got := l.status(l.user()); got != http.StatusServiceUnavailable {
				t.Errorf("a new key: %d", got)
			}
			if got := l.status(old); got != http.StatusOK {
				t.Errorf("a known key: %d", got)
			}
		})
	}
}

// TestGoodKeysInABadWay: the set itself would do, the way it comes doesn't.
func TestGoodKeysInABadWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, good []byte)
		want   int
	}{
		"with 60 KiB of space": {func(w http.ResponseWriter, _ *http.Request, good []byte) {
			fmt.Fprintf(w, "%s%s", good, strings.Repeat(" ", 60<<10-len(good)))
		}, http.StatusOK},
		"with 64 KiB of space": {func(w http.ResponseWriter, _ *http.Request, good []byte) {
			fmt.Fprintf(w, "%s%s", good, strings.Repeat(" ", 64<<10))
		}, http.StatusServiceUnavailable},
		"with another status": {func(w http.ResponseWriter, _ *http.Request, good []byte) {
			w.WriteHeader(http.StatusNonAuthoritativeInfo)
			w.Write(good)
		}, http.StatusServiceUnavailable},
		"from another address": {func(w http.ResponseWriter, r *http.Request, good []byte) {
			if r.URL.RawQuery == "" {
				http.Redirect(w, r, r.URL.Path+"?moved", http.StatusFound)
				return
			}
			w.Write(good)
		}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			w := httptest.NewRecorder()
			l.issuer.ServeHTTP(w, httptest.NewRequest(http.MethodGet, sandbox.CertsPath, nil))
			l.issuer.Break(func(to http.ResponseWriter, r *http.Request) { c.answer(to, r, w.Body.Bytes()) })
			if got := l.status(l.user()); got != c.want {
				t.Errorf("answered %d, want %d: %s", got, c.want, l.log)
			}
		})
	}
}

// hold makes the next answer of the issuer wait until it is released.
func (l *lab) hold() (asked chan struct{}, release func()) {
	asked, free := make(chan struct{}), make(chan struct{})
	l.issuer.Break(func(w http.ResponseWriter, r *http.Request) {
		close(asked) // panics if asked twice
		<-free
		l.issuer.Break(nil)
		l.issuer.ServeHTTP(w, r)
	})
	return asked, sync.OnceFunc(func() { close(free) })
}

func TestAllWaitForOneFetch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	asked, release := l.hold()
	defer release()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if got := l.status(l.user()); got != http.StatusOK {
				t.Errorf("answered %d", got)
			}
		})
	}
	<-asked
	release()
	group.Wait()
	if got := l.issuer.Fetches(); got > 2 { // the held one counts itself and what it hands on to
		t.Errorf("fetched %d times", got)
	}
}

func TestAClientThatLeavesTakesNoFetchWithIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	asked, release := l.hold()
	defer release()
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := l.verifier.Verify(ctx, bearing(l.user()))
		first <- err
	}()
	<-asked
	leave()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.verifier.Verify(gone, bearing(l.user())); err == nil {
		t.Error("a client that left before the keys came was let in")
	}
	release()
	if err := <-first; err != nil {
		t.Errorf("who asked for the keys: %v", err)
	}
}

func TestRunFetchesEveryHourAndEachMinuteAfterAFailure(t *testing.T) {
	t.Parallel()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // time passes by itself here
		issuer, err := sandbox.NewIssuer(sandbox.Config{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		s := newKeySet("http://team.invalid"+sandbox.CertsPath, time.Now, slog.New(slog.DiscardHandler), noUse)
		s.client.Transport = inMemory{issuer}
		done := make(chan struct{})
		go func() { defer close(done); s.run(ctx) }()
		for _, step := range []struct {
			pass  time.Duration
			broke bool
			want  int
		}{
			{0, false, 1},
			{59 * time.Minute, false, 1},
			{8 * time.Minute, true, 2}, // the second fetch came after 60 to 66 minutes; breaks what follows
			{67 * time.Minute, false, 3},
		} {
			time.Sleep(step.pass)
			synctest.Wait()
			if got := issuer.Fetches(); got < step.want || step.want < 3 && got > step.want {
				t.Errorf("fetched %d times, want %d", got, step.want)
			}
			if step.broke {
				issuer.Break(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
			}
		}
		before := issuer.Fetches()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if got := issuer.Fetches() - before; got < 10 || got > 11 {
			t.Errorf("while it fails, fetched %d times in eleven minutes", got)
		}
		stop()
		<-done
	})
}

func noUse(*rsa.PublicKey) *oidc.IDTokenVerifier { return nil }

// inMemory carries requests to a handler without a network.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestOnlyKeysForRS256AreTaken(t *testing.T) {
	t.Parallel()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	modulus, even := text(keys[0].N.Bytes()), text(big.NewInt(4).Bytes())
	short := text(new(big.Int).Rsh(keys[0].N, 1).Bytes())
	long := text(new(big.Int).Lsh(keys[0].N, 8192).Bytes())
	cases := map[string]struct {
		key  map[string]string
		good bool
	}{
		"as Cloudflare's":       {map[string]string{"kid": "k", "kty": "RSA", "alg": "RS256", "use": "sig", "n": modulus, "e": "AQAB"}, true},
		"without alg and use":   {map[string]string{"kid": "k", "kty": "RSA", "n": modulus, "e": "AQAB"}, true},
		"without a kid":         {map[string]string{"kty": "RSA", "n": modulus, "e": "AQAB"}, false},
		"for encryption":        {map[string]string{"kid": "k", "kty": "RSA", "use": "enc", "n": modulus, "e": "AQAB"}, false},
		"for another algorithm": {map[string]string{"kid": "k", "kty": "RSA", "alg": "PS256", "n": modulus, "e": "AQAB"}, false},
		"of 2047 bits":          {map[string]string{"kid": "k", "kty": "RSA", "n": short, "e": "AQAB"}, false},
		"of 10240 bits":         {map[string]string{"kid": "k", "kty": "RSA", "n": long, "e": "AQAB"}, false},
		"with an exponent of 1": {map[string]string{"kid": "k", "kty": "RSA", "n": modulus, "e": "AQ"}, false},
		"with an even exponent": {map[string]string{"kid": "k", "kty": "RSA", "n": modulus, "e": even}, false},
		"with a huge exponent":  {map[string]string{"kid": "k", "kty": "RSA", "n": modulus, "e": modulus}, false},
		"without an exponent":   {map[string]string{"kid": "k", "kty": "RSA", "n": modulus}, false},
		"that is no base64":     {map[string]string{"kid": "k", "kty": "RSA", "n": "!", "e": "AQAB"}, false},
		"a secret":              {map[string]string{"kid": "k", "kty": "oct", "k": modulus}, false},
		"an elliptic curve":     {map[string]string{"kid": "k", "kty": "EC", "crv": "P-256", "x": text(point[1:33]), "y": text(point[33:])}, false},
	}
	s := newKeySet("", time.Now, slog.New(slog.DiscardHandler), noUse)
	for name, c := range cases {
		t.Run("a key "+name, func(t *testing.T) {
			t.Parallel()
			beside := map[string]string{"kid": "beside", "kty": "RSA", "n": modulus, "e": "AQAB"}
			body, err := json.Marshal(map[string]any{"keys": []any{c.key, beside}})
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.parse(body)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := found["k"]; ok != c.good {
				t.Errorf("taken %t, want %t", ok, c.good)
			}
			if _, ok := found["beside"]; !ok {
				t.Error("the good key beside it is lost")
			}
		})
	}
}
