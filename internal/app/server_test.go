package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/sandbox/access"
)

// served is a program that answers, with a team of its own.
type served struct {
	*Server
	issuer *access.Issuer
	stop   func() error
}

func serve(t *testing.T, role Role, environ ...string) served {
	t.Helper()
	issuer, err := access.NewIssuer(access.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuer.Close() }) //nolint:errcheck // it keeps nothing
	p := platform(t, pgtest.URL(t), "brand.myshopify.com", environ...)
	p.Config.AccessTeam, p.Config.AccessAudience = issuer.URL(), issuer.Audience()
	p.Config.Listen, p.Config.OpsListen, p.Config.Role = "127.0.0.1:0", "127.0.0.1:0", role
	a, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s, err := NewServer(a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := func() error { cancel(); return <-ended }
	t.Cleanup(cancel)
	return served{s, issuer, stop}
}

// get asks with a token, "" for none, and returns status and body.
func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Cf-Access-Jwt-Assertion", token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestServerLetsInWhomAccessVouchesFor(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleAll)
	for _, path := range []string{"/api/me", "/api/openapi.yaml", "/nothing"} {
		if status, _ := get(t, s.URL()+path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s without a token is answered %d", path, status)
		}
	}
	token := s.issuer.Sign(s.issuer.UserClaims("ops@example.com"), nil)
	status, body := get(t, s.URL()+"/api/me", token)
	if status != http.StatusOK || !strings.Contains(body, `"name":"ops@example.com"`) {
		t.Errorf("/api/me is answered %d %s", status, body)
	}
	var h struct{ Data health }
	status, body = get(t, s.URL()+"/api/health", token)
	if err := json.Unmarshal([]byte(body), &h); err != nil || status != http.StatusOK || h.Data.State != degraded || len(h.Data.Parts) != 7 {
		t.Errorf("/api/health of a new program is answered %d %s", status, body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(t, s.OpsURL()+path, ""); status != http.StatusOK {
			t.Errorf("%s is answered %d %s", path, status, body)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if answer, err := http.Get(s.OpsURL() + "/healthz"); err == nil {
		answer.Body.Close() //nolint:errcheck // it should not be there
		t.Error("the server answers after its end")
	}
}

func TestWorkersAnswerOnlyMachines(t *testing.T) {
	t.Parallel()
	s := serve(t, RoleWorker)
	if s.URL() != "" {
		t.Errorf("a worker listens at %s", s.URL())
	}
	if status, _ := get(t, s.OpsURL()+"/readyz", ""); status != http.StatusOK {
		t.Errorf("/readyz of a worker is answered %d", status)
	}
	if err := s.stop(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLoadRefusesDoorsThatStandOpen(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"a team on this machine, and an address for all": {"MACRODATA_ACCESS_TEAM=http://127.0.0.1:8788", "MACRODATA_LISTEN=:8080"},
		"an address without a port":                      {"MACRODATA_LISTEN=127.0.0.1"},
		"health at no address":                           {"MACRODATA_OPS_LISTEN=none"},
		"a role that isn't one":                          {"MACRODATA_ROLE=king"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Load(environ); errs.Kind(err) != "invalid" {
				t.Errorf("Load gave %v", err)
			}
		})
	}
}
