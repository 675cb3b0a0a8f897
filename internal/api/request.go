package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Principal is who sends a request.
type Principal struct {
	Kind    string    // "user" or "service"
	Name    string    // a mail address, or the name of a service token
	Expires time.Time // when the token does; zero for never
}

// String is how a principal stands in logs and tables.
func (p Principal) String() string {
	if p.Kind == "" {
		return ""
	}
	return p.Kind + ":" + p.Name
}

type principalKey struct{}

// WithPrincipal says who sends the requests of a context. Whoever checks tokens
// calls it before [API.Handler], which refuses requests without.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns who sent the request, the zero Principal where nobody did.
func PrincipalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// state is what the layers of one request tell each other.
type state struct {
	id     string
	api    *API
	faults Faults // found before huma looked
	body   []byte // as sent
	claim  *claim // of the Idempotency-Key; nil without one
	change string // id of the last change recorded
	err    error  // why the answer is a problem
}

type stateKey struct{}

// stateOf returns the state of a request; an empty one outside of requests,
// such as in workflows that record changes.
func stateOf(ctx context.Context) *state {
	if st, ok := ctx.Value(stateKey{}).(*state); ok {
		return st
	}
	return &state{}
}

// RequestID returns the id that the request has in logs and problems, "" outside
// of requests.
func RequestID(ctx context.Context) string { return stateOf(ctx).id }

// requestID keeps the id that a proxy gave the request, where it is one that
// can stand in a log.
func requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	ok := len(given) >= 8 && len(given) <= 64
	for _, c := range []byte(given) {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.')
	}
	if ok {
		return given
	}
	return newID().String()
}

// newID returns a UUIDv7, as all our own ids are.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // fails only where the system has no randomness
