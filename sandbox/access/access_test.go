package access

import (
	"bufio"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// testKeys are made once: they cost more than the tests.
var testKeys = sync.OnceValues(func() ([]*rsa.PrivateKey, error) {
	first, err1 := newKey()
	second, err2 := newKey()
	return []*rsa.PrivateKey{first, second}, errors.Join(err1, err2)
})

func newIssuer(t *testing.T, c Config) *Issuer {
	t.Helper()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = keys
	i, err := NewIssuer(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

// newEdge puts an edge before origin. Its URL is that of the answer.
func newEdge(t *testing.T, c EdgeConfig, origin http.HandlerFunc) *Edge {
	t.Helper()
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	if c.Issuer == nil {
		c.Issuer = newIssuer(t, Config{})
	}
	c.Origin = server.URL
	e, err := NewEdge(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// browser returns a client that keeps cookies, and follows redirects only
// where follow.
func browser(t *testing.T, follow bool) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if !follow {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c
}

func get(t *testing.T, c *http.Client, address string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// claimsOf reads a token's payload.
func claimsOf(t *testing.T, token string) (c Claims) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the origin got the token %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// answerToken is an origin that answers with the token and mail that it got.
func answerToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Mail", r.Header.Get(mailHeader))
	io.WriteString(w, strings.Join(r.Header.Values(tokenHeader), "\n"))
}

func TestTokensVerifyUnderThePublishedKeysAndCertificates(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, Config{})
	_, body := get(t, http.DefaultClient, i.URL()+CertsPath, nil)
	var published certs
	if err := json.Unmarshal([]byte(body), &published); err != nil {
		t.Fatal(err)
	}
	if len(published.Keys) != 2 || len(published.PublicCerts) != 2 || published.PublicCert != published.PublicCerts[0] {
		t.Fatalf("published %d keys and %d certificates", len(published.Keys), len(published.PublicCerts))
	}
	block, _ := pem.Decode([]byte(published.PublicCert.Cert))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := cert.PublicKey.(*rsa.PublicKey)
	if n := base64.RawURLEncoding.EncodeToString(key.N.Bytes()); n != published.Keys[0].Modulus {
		t.Errorf("the certificate has another key than the first of the set")
	}
	token := i.Sign(i.UserClaims("ops@brand.example"), nil)
	signed := token[:strings.LastIndex(token, ".")]
	signature, err := base64.RawURLEncoding.DecodeString(token[len(signed)+1:])
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature); err != nil {
		t.Error(err)
	}
}

func TestRotationKeepsThePreviousKeyPublished(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, Config{})
	before := i.current().public.KeyID
	if err := i.Rotate(); err != nil {
		t.Fatal(err)
	}
	if after := i.current().public.KeyID; after == before || !i.publishes(before) || !i.publishes(after) {
		t.Error("after a rotation the new key signs, and both are published")
	}
	if err := i.Rotate(); err != nil {
		t.Fatal(err)
	}
	if i.publishes(before) {
		t.Error("after two rotations the first key is still published")
	}
}

func TestSignInPageLeadsBackWithASession(t *testing.T) {
	t.Parallel()
	e := newEdge(t, EdgeConfig{}, answerToken)
	c := browser(t, true)
	_, page := get(t, c, e.URL()+"/runs?status=failed", http.Header{"Accept": {"text/html"}})
	for _, p := range Staff() {
		if !strings.Contains(page, p.Mail) {
			t.Fatalf("the sign-in page lacks %s:\n%s", p.Mail, page)
		}
	}
	resp, err := c.PostForm(e.URL()+loginPath, url.Values{"email": {"creative@brand.example"}, "redirect_url": {"/runs?status=failed"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	token, _ := io.ReadAll(resp.Body)
	if got := resp.Request.URL.RequestURI(); got != "/runs?status=failed" {
		t.Errorf("signing in leads to %s", got)
	}
	if mail := claimsOf(t, string(token))["email"]; mail != "creative@brand.example" {
		t.Errorf("signed in as %v", mail)
	}
	if _, identity := get(t, c, e.URL()+"/cdn-cgi/access/get-identity", nil); !strings.Contains(identity, "creative@brand.example") {
		t.Errorf("identity is %s", identity)
	}
	get(t, c, e.URL()+"/cdn-cgi/access/logout", nil)
	if resp, _ := get(t, c, e.URL()+"/api/runs", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out the edge answers %s", resp.Status)
	}
}

func TestSignInLeadsOnlyToThisHost(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/runs?a=b": "/runs?a=b", "": "/", "https://elsewhere.example/": "/", "//elsewhere.example/": "/", `/\elsewhere.example/`: "/", "/\t/elsewhere.example": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("local(%q) = %q, want %q", to, got, want)
		}
	}
}

func TestVisitorIsSignedInAtOnceAndStaysSo(t *testing.T) {
	t.Parallel()
	e := newEdge(t, EdgeConfig{Visitor: "ops@brand.example"}, answerToken)
	c := browser(t, false)
	resp, first := get(t, c, e.URL()+"/", nil)
	_, second := get(t, c, e.URL()+"/", nil)
	if resp.Header.Get("X-Mail") != "ops@brand.example" || claimsOf(t, first)["email"] != "ops@brand.example" || first != second {
		t.Errorf("a visitor is %q first and %q then", first, second)
	}
}

func TestSessionsGetAnotherTokenBeforeTheirsFails(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]func(*testing.T, *Issuer, *time.Time){
		"the session is over": func(_ *testing.T, _ *Issuer, now *time.Time) { *now = now.Add(25 * time.Hour) },
		"its key is no longer published": func(t *testing.T, i *Issuer, _ *time.Time) {
			if err := errors.Join(i.Rotate(), i.Rotate()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			i := newIssuer(t, Config{Clock: func() time.Time { return now }})
			e, err := NewEdge(EdgeConfig{Issuer: i, Origin: "http://127.0.0.1:1"})
			if err != nil {
				t.Fatal(err)
			}
			before := e.signIn("ops@brand.example")
			if again := e.signIn("ops@brand.example"); again != before {
				t.Error("two browsers of a person have two tokens")
			}
			over(t, i, &now)
			if after := e.signIn("ops@brand.example"); after.token == before.token || len(e.sessions) != 1 {
				t.Errorf("still the old token, or %d sessions", len(e.sessions))
			}
		})
	}
}

func TestHeadersFromOutsideAreStripped(t *testing.T) {
	t.Parallel()
	e := newEdge(t, EdgeConfig{Visitor: "ops@brand.example"}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Host", r.Host)
		w.Header().Set("X-Made-Up", r.Header.Get("Cf-Access-Made-Up"))
		answerToken(w, r)
	})
	resp, token := get(t, browser(t, false), e.URL()+"/", http.Header{
		tokenHeader: {"a.b.c"}, mailHeader: {"root@brand.example"}, "Cf-Access-Made-Up": {"yes"},
	})
	if claimsOf(t, token)["email"] != "ops@brand.example" || resp.Header.Get("X-Mail") != "ops@brand.example" {
		t.Errorf("the origin got %q of %q", token, resp.Header.Get("X-Mail"))
	}
	if resp.Header.Get("X-Made-Up") != "" {
		t.Error("a header of Access came through from outside")
	}
	if want := strings.TrimPrefix(e.URL(), "http://"); resp.Header.Get("X-Host") != want {
		t.Errorf("the origin got the host %q, want the browser's %q", resp.Header.Get("X-Host"), want)
	}
}

func TestServiceTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, Config{})
	e := newEdge(t, EdgeConfig{Issuer: i, Visitor: "ops@brand.example"}, answerToken)
	good := i.NewService()
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"the right secret":     {http.Header{idHeader: {good.ClientID}, secretHeader: {good.Secret}}, http.StatusOK},
		"another's secret":     {http.Header{idHeader: {good.ClientID}, secretHeader: {i.NewService().Secret}}, http.StatusUnauthorized},
		"no secret":            {http.Header{idHeader: {good.ClientID}}, http.StatusUnauthorized},
		"a client nobody made": {http.Header{idHeader: {"x.access"}, secretHeader: {good.Secret}}, http.StatusUnauthorized},
		"neither of a client":  {http.Header{idHeader: {"x.access"}, secretHeader: {""}}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, token := get(t, browser(t, false), e.URL()+"/", c.header)
			if resp.StatusCode != c.status {
				t.Fatalf("answered %s, want %d", resp.Status, c.status)
			}
			if c.status != http.StatusOK {
				return
			}
			claims := claimsOf(t, token)
			if claims["common_name"] != good.ClientID || claims["sub"] != "" || claims["email"] != nil || claims["nbf"] != nil {
				t.Errorf("the claims of a service are %v", claims)
			}
		})
	}
}

func TestStreamsPassEventByEvent(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	e := newEdge(t, EdgeConfig{Visitor: "ops@brand.example"}, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		http.NewResponseController(w).Flush()
		select {
		case <-seen: // not before the client has the first line
			io.WriteString(w, "second\n")
		case <-r.Context().Done():
		}
	})
	resp, err := browser(t, false).Get(e.URL() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatalf("first line is %q, %v", lines.Text(), lines.Err())
	}
	close(seen)
	if !lines.Scan() || lines.Text() != "second" {
		t.Errorf("second line is %q, %v", lines.Text(), lines.Err())
	}
}

func TestAnOriginThatIsAwayIsABadGateway(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(nil)
	origin.Close()
	e, err := NewEdge(EdgeConfig{Issuer: newIssuer(t, Config{}), Origin: origin.URL, Visitor: "ops@brand.example"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusBadGateway {
		t.Errorf("answered %d", w.Code)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, Config{})
	elsewhere := &listener{}
	for name, try := range map[string]func() error{
		"an audience that is no tag":       func() error { _, err := NewIssuer(Config{Audience: "app"}); return err },
		"an edge without an issuer":        func() error { _, err := NewEdge(EdgeConfig{Origin: i.URL()}); return err },
		"an edge without an origin":        func() error { _, err := NewEdge(EdgeConfig{Issuer: i}); return err },
		"a visitor who isn't of the staff": func() error { _, err := NewEdge(EdgeConfig{Issuer: i, Origin: i.URL(), Visitor: "x@y.z"}); return err },
		"an address that others reach":     func() error { return elsewhere.listen("0.0.0.0:0", nil) },
		"an address of any interface":      func() error { return elsewhere.listen(":0", nil) },
	} {
		if err := try(); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
