// Package contract holds the program against the document of its API: by
// requests of every right and wrong kind that the document can be asked for, and
// by programs of others that read it.
package contract

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/sandbox/access"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// program is a program that answers, behind a team of its own. What it is asked
// to start waits in the queue, for it is of the role that leaves runs to others.
type program struct {
	url   string
	token string
}

func serve(t *testing.T) program {
	t.Helper()
	issuer, err := access.NewIssuer(access.Config{})
	if err == nil {
		err = issuer.Listen("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuer.Close() }) //nolint:errcheck // it keeps nothing
	c, err := app.Load([]string{
		"MACRODATA_DATABASE_URL=" + pgtest.URL(t), "MACRODATA_BLOB_URL=mem://", "MACRODATA_DATA_DIR=" + t.TempDir(),
		"MACRODATA_SHOPIFY_SHOP=brand.myshopify.com", "MACRODATA_SHOPIFY_TOKEN=shpat_1", "MACRODATA_ROLE=web",
		"MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=off",
		"MACRODATA_ACCESS_TEAM=" + issuer.URL(), "MACRODATA_ACCESS_AUD=" + issuer.Audience(),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.OpenPlatform(t.Context(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() }) //nolint:errcheck // the database is a test's
	// What the document's examples name.
	if _, err := p.DB.Exec(t.Context(), `
		WITH s AS (INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'America/New_York')),
		     t AS (INSERT INTO product_tag (name) VALUES ('Luna Moth'))
		INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
		VALUES (632910392, 'Luna Moth', 'luna-moth', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid())`); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), p)
	if err == nil {
		err = a.Launch(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := app.NewServer(a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return program{s.URL(), issuer.Sign(issuer.UserClaims("ops@example.com"), nil)}
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// streamTime is how long a stream of events is read.
const streamTime = 300 * time.Millisecond

// send sends a request. A stream is read for a while.
func (p program) send(t *testing.T, r request) answer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.method, p.url+r.target(), bytes.NewReader(r.body))
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	out.Header.Set("Cf-Access-Jwt-Assertion", p.token)
	for name, values := range r.header {
		out.Header[http.CanonicalHeaderKey(name)] = values
	}
	in, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	defer in.Body.Close() //nolint:errcheck // only read
	if in.Header.Get("Content-Type") == eventStream {
		time.AfterFunc(streamTime, cancel)
	}
	body, err := io.ReadAll(in.Body)
	if err != nil && ctx.Err() == nil {
		t.Fatalf("%s: %v", r, err)
	}
	return answer{in.StatusCode, in.Header, body}
}
