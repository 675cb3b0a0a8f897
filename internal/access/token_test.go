package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	sandbox "github.com/macrodata-dev/macrodata/sandbox/access"
)

func (l *lab) claims() sandbox.Claims { return l.issuer.UserClaims("ops@brand.example") }

// with returns a user's token with other claims; those that are nil are left out.
func (l *lab) with(changes sandbox.Claims) http.Header {
	c := l.claims()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return bearing(l.issuer.Sign(c, nil))
}

// headed returns a user's token with other members of its header.
func (l *lab) headed(changes map[string]any) http.Header {
	return bearing(l.issuer.Sign(l.claims(), changes))
}

func (l *lab) in(d time.Duration) int64 { return l.clock().Add(d).Unix() }

func encode(v any) string {
	b, _ := json.Marshal(v) // of maps of strings
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestGoodTokensPass(t *testing.T) {
	t.Parallel()
	user := func(l *lab) Principal {
		c := l.claims()
		return Principal{Kind: User, Name: "ops@brand.example", Subject: c["sub"].(string), Expires: time.Unix(c["exp"].(int64), 0)}
	}
	for name, c := range map[string]struct {
		header func(*lab) http.Header
		want   func(*lab) Principal
	}{
		"a user's": {func(l *lab) http.Header { return bearing(l.user()) }, user},
		"a service's": {
			func(l *lab) http.Header {
				return bearing(l.issuer.Sign(l.issuer.ServiceClaims("88bf.access"), nil))
			},
			func(l *lab) Principal {
				return Principal{Kind: Service, Name: "88bf.access", Subject: "88bf.access", Expires: l.clock().Add(24 * time.Hour)}
			}},
		"an old one, whose aud is a string": {
			func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": l.issuer.Audience()}) }, user},
		"one for several applications": {
			func(l *lab) http.Header {
				return l.with(sandbox.Claims{"aud": []string{strings.Repeat("0", 64), l.issuer.Audience()}})
			}, user},
		"one without nbf": {func(l *lab) http.Header { return l.with(sandbox.Claims{"nbf": nil}) }, user},
		"one from a clock 29 seconds ahead": {
			func(l *lab) http.Header {
				return l.with(sandbox.Claims{"nbf": l.in(29 * time.Second), "iat": l.in(29 * time.Second)})
			}, user},
		"one that expired 29 seconds ago": {
			func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": l.in(-29 * time.Second)}) },
			func(l *lab) Principal {
				p := user(l)
				p.Expires = l.clock().Add(-29 * time.Second)
				return p
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			got, err := l.verifier.Verify(t.Context(), c.header(l))
			if err != nil {
				t.Fatalf("%v: %s", err, l.log)
			}
			want := c.want(l)
			if !got.Expires.Equal(want.Expires) {
				t.Errorf("expires %s, want %s", got.Expires, want.Expires)
			}
			if want.Expires = got.Expires; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// refusals are requests without a good token, with what the log says of them.
func refusals() map[string]refusedCase {
	cases := map[string]refusedCase{
		"no token":                   {func(*lab) http.Header { return http.Header{} }, "without an access token"},
		"an empty token":             {func(*lab) http.Header { return bearing("") }, "without an access token"},
		"two tokens":                 {func(l *lab) http.Header { return bearing(l.user(), l.user()) }, "there are 2 tokens"},
		"two tokens in one value":    {func(l *lab) http.Header { return bearing(l.user() + "," + l.user()) }, "three parts"},
		"a token of a megabyte":      {func(l *lab) http.Header { return l.with(sandbox.Claims{"custom": strings.Repeat("x", 1<<20)}) }, "bytes, over"},
		"a megabyte of dots":         {func(*lab) http.Header { return bearing(strings.Repeat(".", 1<<20)) }, "bytes, over"},
		"8,000 dots":                 {func(*lab) http.Header { return bearing(strings.Repeat(".", 8000)) }, "three parts"},
		"two parts":                  {func(*lab) http.Header { return bearing("a.b") }, "three parts"},
		"a token as JSON":            {func(*lab) http.Header { return bearing(`{"payload":"..","signatures":[]}`) }, "others than"},
		"a token with a space":       {func(l *lab) http.Header { return bearing(" " + l.user()) }, "others than"},
		"a padded token":             {func(l *lab) http.Header { return bearing(l.user() + "=") }, "others than"},
		"a Bearer token":             {func(l *lab) http.Header { return bearing("Bearer " + l.user()) }, "others than"},
		"a header that is no base64": {func(*lab) http.Header { return bearing("a.b.c") }, "header"},
		"a header that is no JSON":   {func(*lab) http.Header { return bearing("YWJj.e30.YWJj") }, "header"},
		"a header that is a list":    {func(*lab) http.Header { return bearing("W10.e30.YWJj") }, "header"},
		"the cookie alone":           {func(l *lab) http.Header { return http.Header{"Cookie": {"CF_Authorization=" + l.user()}} }, "without an access token"},
		"Authorization alone":        {func(l *lab) http.Header { return http.Header{"Authorization": {"Bearer " + l.user()}} }, "without an access token"},
		"the mail address alone": {func(*lab) http.Header {
			return http.Header{"Cf-Access-Authenticated-User-Email": {"ops@brand.example"}}
		}, "without an access token"},
		"a changed signature": {func(l *lab) http.Header { return bearing(changed(l.user(), 2)) }, "signature"},
		"changed claims":      {func(l *lab) http.Header { return bearing(changed(l.user(), 1)) }, "signature"},
		"no signature":        {func(l *lab) http.Header { return bearing(l.user()[:strings.LastIndex(l.user(), ".")+1]) }, "signature"},
		"claims that are no object": {func(l *lab) http.Header {
			token := l.user()
			return bearing(token[:strings.Index(token, ".")] + ".W10." + token[strings.LastIndex(token, ".")+1:])
		}, "signature"},

		"no kid":           {func(l *lab) http.Header { return l.headed(map[string]any{"kid": nil}) }, "no kid"},
		"an empty kid":     {func(l *lab) http.Header { return l.headed(map[string]any{"kid": ""}) }, "no kid"},
		"a kid that is 0":  {func(l *lab) http.Header { return l.headed(map[string]any{"kid": 0}) }, "no kid"},
		"a kid that lists": {func(l *lab) http.Header { return l.headed(map[string]any{"kid": []string{"a"}}) }, "no kid"},

		"no exp":                          {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": nil}) }, "exp is missing"},
		"an exp of 0":                     {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": 0}) }, "expired at"},
		"an exp of null":                  {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": json.RawMessage("null")}) }, ""},
		"an exp that is text":             {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": "never"}) }, ""},
		"an exp of 1e300":                 {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": 1e300}) }, ""},
		"an exp of the year 300,000":      {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": int64(1) << 43}) }, "exp is no time"},
		"an exp in other letters":         {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": nil, "EXP": l.in(time.Hour)}) }, "exp is missing"},
		"one that expired 30 seconds ago": {func(l *lab) http.Header { return l.with(sandbox.Claims{"exp": l.in(-30 * time.Second)}) }, "expired at"},
		"one not good for 31 seconds":     {func(l *lab) http.Header { return l.with(sandbox.Claims{"nbf": l.in(31 * time.Second)}) }, "nbf is"},
		"one to be issued in 31 seconds":  {func(l *lab) http.Header { return l.with(sandbox.Claims{"iat": l.in(31 * time.Second)}) }, "iat is"},
		"another application's aud":       {func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": []string{strings.Repeat("0", 64)}}) }, "audience"},
		"an aud in other letters":         {func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": []string{l.issuer.Audience() + " "}}) }, "audience"},
		"an empty list of aud":            {func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": []string{}}) }, "audience"},
		"no aud":                          {func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": nil}) }, "audience"},
		"an aud in a list in a list":      {func(l *lab) http.Header { return l.with(sandbox.Claims{"aud": [][]string{{l.issuer.Audience()}}}) }, ""},
		"another team's iss":              {func(l *lab) http.Header { return l.with(sandbox.Claims{"iss": "https://evil.cloudflareaccess.com"}) }, "different provider"},
		"an iss with a slash at its end":  {func(l *lab) http.Header { return l.with(sandbox.Claims{"iss": l.issuer.URL() + "/"}) }, "different provider"},
		"an iss in capitals":              {func(l *lab) http.Header { return l.with(sandbox.Claims{"iss": strings.ToUpper(l.issuer.URL())}) }, "different provider"},
		"no iss":                          {func(l *lab) http.Header { return l.with(sandbox.Claims{"iss": nil}) }, "different provider"},
		"the session of the whole team":   {func(l *lab) http.Header { return l.with(sandbox.Claims{"type": "org"}) }, "type is not app"},
		"no type":                         {func(l *lab) http.Header { return l.with(sandbox.Claims{"type": nil}) }, "type is not app"},
		"a type in capitals":              {func(l *lab) http.Header { return l.with(sandbox.Claims{"type": "APP"}) }, "type is not app"},
		"a sub that is a number":          {func(l *lab) http.Header { return l.with(sandbox.Claims{"sub": 5}) }, ""},
		"an email that is a list":         {func(l *lab) http.Header { return l.with(sandbox.Claims{"email": []string{"ops@brand.example"}}) }, "email is no string"},
		"nobody: no sub, email, name":     {func(l *lab) http.Header { return l.with(sandbox.Claims{"sub": nil, "email": nil}) }, "are empty"},
		"nobody: empty sub, email, name":  {func(l *lab) http.Header { return l.with(sandbox.Claims{"sub": "", "email": "", "common_name": ""}) }, "are empty"},
		"a key of the token's own (jwk)":  {func(l *lab) http.Header { return l.headed(map[string]any{"jwk": map[string]any{"kty": "RSA"}}) }, "jwk is not accepted"},
		"a key's address (jku)":           {func(l *lab) http.Header { return l.headed(map[string]any{"jku": l.issuer.URL() + sandbox.CertsPath}) }, "jku is not accepted"},
		"a certificate's address (x5u)":   {func(l *lab) http.Header { return l.headed(map[string]any{"x5u": "https://evil.example/c.pem"}) }, "x5u is not accepted"},
		"a certificate of its own (x5c)":  {func(l *lab) http.Header { return l.headed(map[string]any{"x5c": []string{"MIIB"}}) }, "x5c is not accepted"},
		"extensions that must be known":   {func(l *lab) http.Header { return l.headed(map[string]any{"crit": []string{"x"}}) }, "crit is not accepted"},
		"a payload that isn't encoded":    {func(l *lab) http.Header { return l.headed(map[string]any{"b64": false}) }, "b64 is not accepted"},
		"an alg that is a list":           {func(l *lab) http.Header { return l.headed(map[string]any{"alg": []string{"RS256"}}) }, "alg is not RS256"},
		"no alg":                          {func(l *lab) http.Header { return l.headed(map[string]any{"alg": nil}) }, "alg is not RS256"},
		"an ALG besides, which says none": {func(l *lab) http.Header { return l.headed(map[string]any{"alg": "none", "ALG": "RS256"}) }, "alg is not RS256"},
	}
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "rs256", "RS256 ", "", "dir"} {
		cases[fmt.Sprintf("alg %q", alg)] = refusedCase{func(l *lab) http.Header { return l.headed(map[string]any{"alg": alg}) }, "alg is not RS256"}
	}
	for i := range 16 { // none, nonE, noNe … NONE
		alg := []byte("none")
		for bit := range alg {
			if i>>bit&1 == 1 {
				alg[bit] -= 'a' - 'A'
			}
		}
		signed := func(l *lab) string {
			return l.issuer.Sign(l.claims(), map[string]any{"alg": string(alg)})
		}
		cases["alg "+string(alg)+" with a signature"] = refusedCase{func(l *lab) http.Header { return bearing(signed(l)) }, "alg is not RS256"}
		cases["alg "+string(alg)+" without one"] = refusedCase{func(l *lab) http.Header {
			token := signed(l)
			return bearing(token[:strings.LastIndex(token, ".")+1])
		}, "alg is not RS256"}
	}
	for _, kid := range []string{"../../../../etc/passwd", "/dev/null", `C:\keys\1`, "' OR '1'='1", "x'; DROP TABLE orders; --",
		"https://evil.example/key.pem", "file:///proc/self/environ", "\x00", " ", strings.Repeat("k", 4000), "%2e%2e%2f", "${jndi:ldap://x}", "\n", "0"} {
		cases[fmt.Sprintf("kid %.30q", kid)] = refusedCase{func(l *lab) http.Header { return l.headed(map[string]any{"kid": kid}) }, "the team has no key"}
	}
	return cases
}

type refusedCase struct {
	header func(*lab) http.Header
	reason string // in the log; empty where the words are the library's
}

// changed returns a token with one letter in the middle of a part replaced.
func changed(token string, part int) string {
	parts := strings.Split(token, ".")
	b := []byte(parts[part])
	middle := len(b) / 2
	if b[middle]++; foreign(rune(b[middle])) {
		b[middle] = 'A'
	}
	parts[part] = string(b)
	return strings.Join(parts, ".")
}

// TestOtherTokensGetOneConstantAnswer: whatever is wrong, the answer is the
// same byte for byte, and neither it nor the log has the token.
func TestOtherTokensGetOneConstantAnswer(t *testing.T) {
	t.Parallel()
	first := newLab(t).send(http.Header{})
	want, err := httputil.DumpResponse(first, true)
	if err != nil || first.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without a token: %s, %v", want, err)
	}
	for name, c := range refusals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			header := c.header(l)
			resp := l.send(header)
			got, err := httputil.DumpResponse(resp, true)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("answered\n%s\nwant\n%s", got, want)
			}
			if !strings.Contains(l.log.String(), c.reason) {
				t.Errorf("the log has not %q: %s", c.reason, l.log)
			}
			for _, token := range header.Values(tokenHeader) {
				for part := range strings.SplitSeq(token, ".") {
					if len(part) > 40 && strings.Contains(l.log.String(), part) {
						t.Errorf("the log has a part of the token: %s", l.log)
					}
				}
			}
			if l.status(l.user()) != http.StatusOK {
				t.Errorf("after it a good token doesn't pass: %s", l.log)
			}
		})
	}
}

// TestThePublicKeyIsNoSecret signs with HMAC and what everybody can read.
func TestThePublicKeyIsNoSecret(t *testing.T) {
	t.Parallel()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	public := &keys[0].PublicKey
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"PKIX, DER":    pkix,
		"PKIX, PEM":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}),
		"PKCS #1, DER": x509.MarshalPKCS1PublicKey(public),
		"PKCS #1, PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public)}),
		"modulus":      public.N.Bytes(),
		"nothing":      nil,
	} {
		for _, alg := range []string{"HS256", "RS256"} {
			t.Run(name+" as "+alg, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				kid, err := keyID(l.user())
				if err != nil {
					t.Fatal(err)
				}
				signed := encode(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"}) + "." + encode(l.claims())
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(signed))
				forged := signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
				if got := l.status(forged); got != http.StatusUnauthorized {
					t.Errorf("answered %d", got)
				}
			})
		}
	}
}

func TestOtherKindsOfPrincipalsAreForbidden(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]sandbox.Claims{
		"a user without a mail address":            {"email": nil},
		"a user without an id":                     {"sub": nil},
		"a user with a service's name":             {"common_name": "88bf.access"},
		"a certificate, whose name isn't a client": {"sub": "", "email": nil, "common_name": "ops@brand.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if got := l.send(l.with(changes)).StatusCode; got != http.StatusForbidden {
				t.Errorf("answered %d: %s", got, l.log)
			}
		})
	}
}
