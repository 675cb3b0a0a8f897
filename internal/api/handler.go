package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Handler serves the endpoints and their document, at /api/openapi.yaml and
// .json. It expects whoever checks tokens to stand before it, and to refuse what
// pages of other sites send.
func (a *API) Handler() http.Handler { return a.observe(a.signedIn(a.mux)) }

// Refuse answers, with a problem, a request that whoever stands before the
// handler doesn't let through. The status is 401, 403 or 503; the text and the
// remedy of err are sent.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	a.observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stateOf(r.Context()).err = err
		code := map[int]string{http.StatusUnauthorized: "unauthenticated", http.StatusServiceUnavailable: "unavailable"}[status]
		p := newProblem(r.Context(), cmp.Or(code, "denied"), "")
		p.Detail, p.Remedy = err.Error(), cmp.Or(errs.Remedy(err), p.Remedy)
		p.send(w)
	})).ServeHTTP(w, r)
}

// observe gives each request its id, turns panics into problems and writes the
// log.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, watched := time.Now(), &watchedWriter{ResponseWriter: w}
		st := &state{id: requestID(r), api: a}
		r = r.WithContext(context.WithValue(r.Context(), stateKey{}, st))
		h := w.Header()
		h.Set("X-Request-Id", st.id)
		h.Set("X-Content-Type-Options", "nosniff")
		if h.Get("Cache-Control") == "" {
			h.Set("Cache-Control", "private, no-cache")
		}
		defer func() {
			p := recover()
			aborted := p != nil && a.recovered(p, watched, r, st)
			a.log(r, watched, st, time.Since(began))
			if aborted {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(watched, r)
	})
}

// recovered answers for what panicked, and reports whether the connection has
// to be cut because an answer had begun.
func (a *API) recovered(p any, w *watchedWriter, r *http.Request, st *state) bool {
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		a.config.Log.ErrorContext(r.Context(), "panic", "request_id", st.id, "route", r.Pattern,
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		st.err = fmt.Errorf("panic: %v", p)
	}
	if w.status != 0 {
		return true
	}
	a.refuse(w, r, "internal", "")
	return false
}

// log writes the line of a request. Only what is ours to mend is an error.
func (a *API) log(r *http.Request, w *watchedWriter, st *state, took time.Duration) {
	ctx, status, level := r.Context(), w.status, slog.LevelInfo
	switch {
	case ctx.Err() != nil && (st.err != nil || status == 0):
		status = canceledStatus
	case status == 0:
		status = http.StatusOK
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	if a.config.Observe != nil {
		a.config.Observe(r.Pattern, status, took)
	}
	if !a.config.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int64("bytes", w.bytes),
		slog.String("principal", PrincipalOf(ctx).String()), slog.String("request_id", st.id),
	}
	if st.err != nil {
		attrs = append(attrs, slog.String("error", st.err.Error()))
	}
	a.config.Log.LogAttrs(ctx, level, "request", attrs...)
}

// signedIn refuses requests that nobody has put a principal on, so that a
// handler without the check before it serves nothing.
func (a *API) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if PrincipalOf(r.Context()).Name == "" {
			a.refuse(w, r, "unauthenticated", "")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// methods are those that endpoints have.
func methods() []string { return []string{"DELETE", "GET", "PATCH", "POST", "PUT"} }

// shadow keeps requests to a path such as /things/sync, of methods that it
// doesn't take, from the endpoints of /things/{thingId}, where the mux would
// look next: they would take sync for an id.
func (a *API) shadow() (err error) {
	defer caught(&err)
	paths := a.huma.OpenAPI().Paths
	for path, item := range paths {
		for _, method := range methods() {
			taken := operationOf(item, method) != nil
			for other, wider := range paths {
				if pattern := method + " " + path; !taken && operationOf(wider, method) != nil && covers(other, path) && !covers(path, other) {
					a.shadowed[pattern] = true
				}
			}
		}
	}
	for pattern := range a.shadowed {
		a.mux.HandleFunc(pattern, a.notServed)
	}
	return nil
}

// covers reports whether a path serves all that another one does: whether it
// has the same segments, or a parameter for them.
func covers(path, other string) bool {
	return slices.EqualFunc(strings.Split(path, "/"), strings.Split(other, "/"), func(x, y string) bool {
		return x == y || strings.HasPrefix(x, "{")
	})
}

// notServed answers for paths that no endpoint has, and for other methods of
// those that one has.
func (a *API) notServed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range methods() {
		if _, pattern := a.mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != "/api/" && !a.shadowed[pattern] {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		a.refuse(w, r, "not_found", "there is nothing at this path")
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.refuse(w, r, "method_not_allowed", "this path takes "+strings.Join(allowed, ", "))
}

// refuse answers with a problem where huma isn't.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, code, detail string) {
	newProblem(r.Context(), code, detail).send(w)
}

// send writes the problem to a bare writer.
func (p *Problem) send(w http.ResponseWriter) {
	body, _ := encode(p) // strings and a number
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a client that went away
}

// watchedWriter notes what the log wants to know.
type watchedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the writer beneath.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
