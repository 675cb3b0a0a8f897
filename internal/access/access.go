// Package access knows who sends a request: it verifies the token that
// Cloudflare Access puts on every request that it lets through, and answers
// with a [Principal].
//
// There is no way to switch it off. Development has an issuer of its own
// (sandbox/access), which the same code verifies.
package access

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Kind is what a principal is.
type Kind string

// The kinds of principals.
const (
	User    Kind = "user"    // a person, signed in with their mail address
	Service Kind = "service" // a program with a service token
)

// Principal is who sends a request. Nothing in it is secret.
type Principal struct {
	Kind Kind
	// Name is a user's mail address, or the client id of a service's token,
	// which ends in .access.
	Name string
	// Subject is a user's id in Access, another one where the user was removed
	// and added again. A service has its Name here too.
	Subject string
	// Expires is when the token does. What outlives its request, such as a
	// stream of events, has to end then.
	Expires time.Time
}

// Verifier verifies the tokens of one application. It is safe for concurrent
// use. Keys are fetched when they are first needed, and then kept fresh by
// [Verifier.Run].
type Verifier struct {
	keys   *keySet
	clock  func() time.Time
	log    *slog.Logger
	origin *http.CrossOriginProtection
}

// New returns the verifier of an application. It asks nobody anything. A
// setting that is empty or malformed is [errs.Invalid].
func New(c Config) (*Verifier, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("cloudflare access: %w", err)
	}
	origin, err := c.origin()
	if err != nil {
		return nil, fmt.Errorf("cloudflare access: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	v := &Verifier{clock: c.Clock, log: c.Log, origin: origin}
	v.keys = newKeySet(c.certsURL(), c.Clock, c.Log, func(key *rsa.PublicKey) *oidc.IDTokenVerifier {
		return oidc.NewVerifier(c.Team, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}, &oidc.Config{
			ClientID:             c.Audience,
			SupportedSigningAlgs: []string{oidc.RS256},
			SkipExpiryCheck:      true, // claims.principal is stricter with all three times
		})
	})
	return v, nil
}

// Run fetches the keys at once and then every hour, until ctx ends.
func (v *Verifier) Run(ctx context.Context) { v.keys.run(ctx) }

// Verify says who sent the request with this header. Only the token in
// Cf-Access-Jwt-Assertion counts: the cookie isn't always passed on, and any
// other header anybody can set.
//
// Its error is always a [Refusal], which tells nothing of the token. The
// reason goes to the log.
func (v *Verifier) Verify(ctx context.Context, header http.Header) (Principal, error) {
	p, err := v.verify(ctx, header)
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errNoToken):
		v.log.DebugContext(ctx, "request without an access token")
		return Principal{}, unauthenticated()
	case errors.Is(err, errs.Unavailable):
		v.log.InfoContext(ctx, "access token can't be verified", "reason", err)
		return Principal{}, unavailable()
	case errors.Is(err, errs.Denied):
		v.log.WarnContext(ctx, "access token of an unknown kind of principal", "reason", err)
		return Principal{}, forbidden("This kind of sign-in is not known here.",
			"Sign in as a person, or use a service token of Cloudflare Access.")
	}
	v.log.InfoContext(ctx, "access token refused", "reason", err)
	return Principal{}, unauthenticated()
}

// verify is Verify with the reason of a refusal. What is neither Unavailable
// nor Denied is a token that is not good.
func (v *Verifier) verify(ctx context.Context, header http.Header) (Principal, error) {
	token, err := tokenOf(header)
	if err != nil {
		return Principal{}, err
	}
	kid, err := keyID(token)
	if err != nil {
		return Principal{}, err
	}
	verifier, err := v.keys.find(ctx, kid)
	if err != nil {
		return Principal{}, err
	}
	verified, err := verifier.Verify(ctx, token) // signature, iss, aud
	if err != nil {
		return Principal{}, err
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return Principal{}, err
	}
	return c.principal(v.clock())
}
