package cli

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/sandbox/access"
)

var addresses = regexp.MustCompile(`API at (\S+), health at (\S+)\. `)

func TestServeAnswersUntilItIsStopped(t *testing.T) {
	t.Parallel()
	issuer, err := access.NewIssuer(access.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuer.Close() }) //nolint:errcheck // it keeps nothing
	_, environ := sandbox(t)
	p := start(t, append(environ, "MACRODATA_ACCESS_TEAM="+issuer.URL(), "MACRODATA_ACCESS_AUD="+issuer.Audience(),
		"MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=127.0.0.1:0"), "serve")
	p.says(t, "Ctrl-C stops everything.")
	at := addresses.FindStringSubmatch(p.stderr.String())
	if at == nil {
		t.Fatalf("it doesn't say where it is: %s", p.stderr.String())
	}
	for url, want := range map[string]int{at[1] + "/": 200, at[1] + "/api/me": 200, at[2] + "/readyz": 200, at[2] + "/api/me": 404} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cf-Access-Jwt-Assertion", issuer.Sign(issuer.UserClaims("ops@example.com"), nil))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close() //nolint:errcheck // only read
		if err != nil || answer.StatusCode != want {
			t.Errorf("%s is answered %d %s, %v", url, answer.StatusCode, body, err)
		}
	}
	if code := p.interrupt(t); code != done {
		t.Errorf("Ctrl-C gave exit code %d: %s", code, p.stderr.String())
	}
}

func TestServeRefusesToStandOpen(t *testing.T) {
	t.Parallel()
	got := run([]string{"MACRODATA_SHOPIFY_SHOP=brand.myshopify.com", "MACRODATA_SHOPIFY_TOKEN=" + token}, "serve")
	if got.code == done || !strings.Contains(got.stderr, "MACRODATA_ACCESS_TEAM") {
		t.Errorf("without a team of Access it ends with %d: %s", got.code, got.stderr)
	}
}
