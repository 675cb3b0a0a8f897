package access

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

const (
	tokenHeader = "Cf-Access-Jwt-Assertion"
	maxToken    = 8 << 10
	skew        = 30 * time.Second // between Cloudflare's clock and ours
	lastSecond  = 253_402_300_799  // of the year 9999
	serviceEnd  = ".access"        // of each client id of a service token
)

var errNoToken = errors.New("there is no token")

// tokenOf returns the token of a request, before anything of it is parsed:
// exactly one, no longer than a token gets, in the letters and the shape of a
// signed one.
func tokenOf(header http.Header) (string, error) {
	values := header.Values(tokenHeader)
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", errNoToken
	case len(values) > 1:
		return "", fmt.Errorf("there are %d tokens", len(values))
	case len(values[0]) > maxToken:
		return "", fmt.Errorf("the token has %d bytes, over %d", len(values[0]), maxToken)
	case strings.Count(values[0], ".") != 2:
		return "", errors.New("the token has not three parts")
	case strings.ContainsFunc(values[0], foreign):
		return "", errors.New("the token has others than the letters of base64url")
	}
	return values[0], nil
}

func foreign(r rune) bool {
	switch {
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		return false
	}
	return true
}

// keyID returns the id of the key that the token names in its header. The
// header must name RS256, and no key besides: where a key is to be found is
// not for the token to say.
func keyID(token string) (string, error) {
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return "", fmt.Errorf("header: %w", err)
	}
	var h claims
	if err := json.Unmarshal(raw, &h); err != nil {
		return "", fmt.Errorf("header: %w", err)
	}
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"} {
		if _, ok := h[name]; ok {
			return "", fmt.Errorf("header: %s is not accepted", name)
		}
	}
	alg, err := h.text("alg")
	if err != nil || alg != "RS256" {
		return "", errors.New("header: alg is not RS256")
	}
	kid, err := h.text("kid")
	if err != nil || kid == "" {
		return "", errors.New("header: there is no kid")
	}
	return kid, nil
}

// claims are the members of a JSON object by their exact names, which
// encoding/json alone wouldn't insist on.
type claims map[string]json.RawMessage

// text returns a claim that is a string. One that is absent is empty.
func (c claims) text(name string) (s string, err error) {
	if raw, ok := c[name]; ok {
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", fmt.Errorf("%s is no string", name)
		}
	}
	return s, nil
}

// seconds returns a claim that is a time, in whole seconds since 1970, and
// whether there is one.
func (c claims) seconds(name string) (t time.Time, there bool, err error) {
	raw, ok := c[name]
	if !ok {
		return time.Time{}, false, nil
	}
	var n *int64
	if err := json.Unmarshal(raw, &n); err != nil || n == nil || *n < 0 || *n > lastSecond {
		return time.Time{}, false, fmt.Errorf("%s is no time", name)
	}
	return time.Unix(*n, 0), true, nil
}

// principal decides on the claims of a token whose signature, issuer and
// audience are good. A principal that is neither user nor service is
// [errs.Denied].
func (c claims) principal(now time.Time) (Principal, error) {
	kind, err := c.text("type")
	if err != nil || kind != "app" {
		return Principal{}, errors.New("type is not app") // org is a session of the whole team
	}
	expires, err := c.current(now)
	if err != nil {
		return Principal{}, err
	}
	sub, err1 := c.text("sub")
	email, err2 := c.text("email")
	name, err3 := c.text("common_name")
	if err := errors.Join(err1, err2, err3); err != nil {
		return Principal{}, err
	}
	switch {
	case sub == "" && email == "" && name == "":
		return Principal{}, errors.New("sub, email and common_name are empty")
	case sub != "" && email != "" && name == "":
		return Principal{Kind: User, Name: email, Subject: sub, Expires: expires}, nil
	case sub == "" && email == "" && strings.HasSuffix(name, serviceEnd):
		return Principal{Kind: Service, Name: name, Subject: name, Expires: expires}, nil
	}
	return Principal{}, fmt.Errorf("neither a user nor a service token: %w", errs.Denied)
}

// current holds exp, nbf and iat against the clock, and returns exp. Service
// tokens have no nbf.
func (c claims) current(now time.Time) (time.Time, error) {
	expires, there, err := c.seconds("exp")
	switch {
	case err != nil:
		return time.Time{}, err
	case !there:
		return time.Time{}, errors.New("exp is missing")
	case !now.Before(expires.Add(skew)):
		return time.Time{}, fmt.Errorf("expired at %s", expires.UTC().Format(time.RFC3339))
	}
	for _, name := range []string{"nbf", "iat"} {
		from, _, err := c.seconds(name)
		if err != nil {
			return time.Time{}, err
		}
		if from.After(now.Add(skew)) {
			return time.Time{}, fmt.Errorf("%s is %s, in the future", name, from.UTC().Format(time.RFC3339))
		}
	}
	return expires, nil
}
