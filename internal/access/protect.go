package access

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Refusal is all that a request is told that is not let in. It is the same
// whatever the reason, so that nobody can feel their way along it.
type Refusal struct {
	// Status is 401 without a good token, 403 for who may not do this, and 503
	// where nobody can tell because the keys can't be had.
	Status int
	// RetryAfter is in how many seconds asking again is worth while; 0 for never.
	RetryAfter int

	message string
}

func (r Refusal) Error() string { return r.message }

// Unwrap returns the kind: [errs.Denied], or [errs.Unavailable] for 503.
func (r Refusal) Unwrap() error {
	if r.Status == http.StatusServiceUnavailable {
		return errs.Unavailable
	}
	return errs.Denied
}

func unauthenticated() error {
	return errs.WithRemedy(Refusal{Status: http.StatusUnauthorized, message: "You are not signed in."},
		"Load the dashboard again to sign in with Cloudflare Access.")
}

func forbidden(message, remedy string) error {
	return errs.WithRemedy(Refusal{Status: http.StatusForbidden, message: message}, remedy)
}

func unavailable() error {
	return errs.WithRemedy(Refusal{Status: http.StatusServiceUnavailable, RetryAfter: int(refreshPause.Seconds()),
		message: "Sign-ins can't be verified at the moment."}, "Try again in a minute.")
}

// Protect lets only requests with a good token through to next, which finds
// the sender with [From], and none of the headers of Access. A request that
// may change something and that a browser sends for another site is refused
// as well: the session is a cookie at the edge, which browsers add by
// themselves.
//
// What isn't let through goes to refuse, with a [Refusal] as its error. Cache
// and retry headers are set by then; status and body are for refuse to write.
func (v *Verifier) Protect(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := v.Verify(r.Context(), r.Header)
		if err == nil {
			err = v.sameOrigin(r, p)
		}
		if err == nil {
			next.ServeHTTP(w, admitted(r, p))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if refusal, ok := errors.AsType[Refusal](err); ok && refusal.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(refusal.RetryAfter))
		}
		refuse(w, r, err)
	})
}

// sameOrigin refuses what a browser says another site makes it send, by
// Sec-Fetch-Site or Origin. Programs send neither, and pass.
func (v *Verifier) sameOrigin(r *http.Request, p Principal) error {
	if err := v.origin.Check(r); err != nil {
		v.log.WarnContext(r.Context(), "request from another site refused", "principal", p.Name, "reason", err)
		return forbidden("This request comes from another site.", "Do this in the dashboard itself.")
	}
	return nil
}

// admitted is the request as the handlers see it: the sender in its context,
// and no token that they could log or pass on.
func admitted(r *http.Request, p Principal) *http.Request {
	r = r.Clone(With(r.Context(), p))
	for name := range r.Header {
		if strings.HasPrefix(name, "Cf-Access-") {
			delete(r.Header, name)
		}
	}
	return r
}

type contextKey struct{}

// With returns ctx with the sender of a request in it. It is what
// [Verifier.Protect] does, and for tests of handlers.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns the sender of the request that ctx belongs to, and whether
// there is one.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(Principal)
	return p, ok
}
