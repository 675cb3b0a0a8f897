// Package api is the ground that all endpoints stand on.
//
// An endpoint is a function of a request, and a value: [Get], [Post], [ListOf]
// and the like make it, scenarios list it, and [New] makes of all of them the
// handler and its OpenAPI document. The conventions are kept here and nowhere
// else: envelopes, cursors, problems after RFC 9457, versions as ETags,
// Idempotency-Key, the record of changes and their undo, CSV beside each list,
// and server-sent events. huma parses, validates and documents; what people see
// when something is wrong is ours.
//
// The server around the handler is expected to have a ReadHeaderTimeout of 5
// seconds, an IdleTimeout, MaxHeaderBytes of 64 KiB and a WriteTimeout of a
// minute, which streams extend as long as their client reads. Bodies have a
// deadline of their own, and so have answers, so that who waited too long is told
// and not cut off.
package api

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Config is what an API needs. The zero Config is enough for its document.
type Config struct {
	Title       string
	Version     string
	Description string

	DB   *pg.DB           // keeps idempotency keys
	Log  *slog.Logger     // a line for each request; nil for none
	Shop func() shop.Info // names downloads; nil for none

	// Observe is told of each request that is over: the pattern of its route,
	// its status and how long it took. Nil for nobody.
	Observe func(pattern string, status int, took time.Duration)

	Heartbeat    time.Duration // of event streams; 15 s where 0
	KeyWait      time.Duration // for an answer to the same Idempotency-Key; 10 s where 0
	AnswerWithin time.Duration // is the time for an answer that is no stream; 50 s where 0
}

// API serves endpoints.
type API struct {
	config     Config
	huma       huma.API
	mux        *http.ServeMux
	shadowed   map[string]bool // patterns of methods that a path doesn't take; see shadow
	names      *names
	stop       chan struct{} // closed when streams are to end
	drain      func()
	yaml, json []byte
}

// New returns the API of some endpoints. Two endpoints of one path and method
// or of one operationId are an error, and so are types that can't be
// documented.
func New(c Config, endpoints ...Endpoint) (*API, error) {
	ourHuma()
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.KeyWait = cmp.Or(c.KeyWait, 10*time.Second)
	c.AnswerWithin = cmp.Or(c.AnswerWithin, 50*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	a := &API{config: c, mux: http.NewServeMux(), shadowed: map[string]bool{}, names: &names{byType: map[string]string{}}, stop: make(chan struct{})}
	a.drain = sync.OnceFunc(func() { close(a.stop) })
	a.huma = humago.New(a.mux, huma.Config{
		OpenAPI: a.document(), Formats: huma.DefaultFormats, DefaultFormat: "application/json",
	})
	for _, e := range endpoints {
		if err := a.add(e); err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", e.ID, err)
		}
	}
	return a, a.close()
}

// add registers an endpoint. huma and the mux panic where they can't.
func (a *API) add(e Endpoint) (err error) {
	defer caught(&err)
	switch {
	case e.fault != nil:
		return e.fault
	case e.ID == "" || e.Summary == "" || !strings.HasPrefix(e.Path, "/api/"):
		return errors.New("it needs an id, a summary and a path below /api/")
	}
	a.names.operation = capital(e.ID)
	e.register(a, e)
	return nil
}

// caught makes an error of a panic.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
}

func (a *API) registry() huma.Registry { return a.huma.OpenAPI().Components.Schemas }

// OpenAPI returns the document as YAML, in an order that stays.
func (a *API) OpenAPI() []byte { return slices.Clone(a.yaml) }

// OpenAPIJSON returns the document as JSON.
func (a *API) OpenAPIJSON() []byte { return slices.Clone(a.json) }

// Drain ends all event streams, for a server that is about to shut down. Their
// clients come back to whoever is there.
func (a *API) Drain() { a.drain() }
