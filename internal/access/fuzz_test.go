package access

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/access"
)

// FuzzToken: no token passes whose header and claims the issuer didn't sign,
// and none makes the verifier panic. The signature itself may be written in
// more than one way, for base64 leaves bits over.
func FuzzToken(f *testing.F) {
	l := newLab(f)
	issued := map[string]bool{}
	for _, token := range []string{
		l.user(),
		l.issuer.Sign(l.issuer.ServiceClaims("88bf.access"), nil),
		l.issuer.Sign(sandbox.Claims{}, nil),
		l.issuer.Sign(l.issuer.UserClaims("ops@brand.example"), map[string]any{"alg": "none"}),
		l.issuer.Sign(l.issuer.UserClaims("ops@brand.example"), map[string]any{"jku": "https://evil.example/keys"}),
	} {
		issued[token[:strings.LastIndex(token, ".")]] = true
		f.Add(token)
		f.Add(changed(token, 1))
		f.Add(changed(token, 2))
	}
	f.Add("..")
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := l.verifier.Verify(t.Context(), bearing(token))
		switch {
		case err != nil && p != (Principal{}):
			t.Errorf("refused, and yet %+v", p)
		case err == nil && !issued[token[:max(0, strings.LastIndex(token, "."))]]:
			t.Errorf("%q passes as %+v", token, p)
		}
	})
}

// FuzzClaims: whatever is signed, a principal has a kind, a name and a subject,
// and is within its time.
func FuzzClaims(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	for _, seed := range []string{
		`{"type":"app","sub":"u","email":"a@b.c","exp":1800000060}`,
		`{"type":"app","sub":"","common_name":"x.access","exp":1800000060}`,
		`{"type":"app","exp":1800000060,"sub":null}`,
		`{"type":"org","exp":1800000060,"sub":"u","email":"a@b.c"}`,
		`{"type":"app","sub":"u","email":"a@b.c","exp":1e300,"nbf":-1,"iat":"x"}`,
		`null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var c claims
		if json.Unmarshal(payload, &c) != nil {
			return
		}
		p, err := c.principal(now)
		switch {
		case err != nil:
			if p != (Principal{}) {
				t.Errorf("refused, and yet %+v", p)
			}
			if errors.Is(err, errs.Unavailable) {
				t.Errorf("claims are never unavailable: %v", err)
			}
		case p.Name == "" || p.Subject == "" || p.Kind != User && p.Kind != Service:
			t.Errorf("an incomplete principal: %+v", p)
		case !now.Before(p.Expires.Add(skew)):
			t.Errorf("expired at %s", p.Expires)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	l := newLab(b)
	header := bearing(l.user())
	for b.Loop() {
		if _, err := l.verifier.Verify(b.Context(), header); err != nil {
			b.Fatal(err)
		}
	}
}
