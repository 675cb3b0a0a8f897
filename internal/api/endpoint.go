package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Endpoint is an operation of the API as a value: enough to serve it, to
// document it and to hold other documents against it. Scenarios list theirs in
// a function of their service that works on nil, too.
type Endpoint struct {
	Method      string
	Path        string // such as /api/tag-groups/{groupId}
	ID          string // operationId, such as listTagGroups; names the operation in tables and clients
	Summary     string // a sentence
	Description string
	Tags        []string // of the document; the first word of the path where empty
	CSV         bool     // is a list, so that path.csv is there, too

	maxBody  int64
	example  string // of a body that isn't JSON
	keyed    bool
	total    any
	fault    error // found while it was made; New reports it
	register func(a *API, e Endpoint)
}

// Option sets what few endpoints need.
type Option func(*Endpoint)

// MaxBody lets a body have up to n bytes; 1 MiB otherwise.
func MaxBody(n int64) Option { return func(e *Endpoint) { e.maxBody = n } }

// BodyExample shows what a body that isn't JSON looks like.
func BodyExample(text string) Option { return func(e *Endpoint) { e.example = text } }

// Describe adds to the document what the summary has no room for.
func Describe(text string) Option { return func(e *Endpoint) { e.Description = text } }

// Tag groups the endpoint with others in the document.
func Tag(names ...string) Option { return func(e *Endpoint) { e.Tags = names } }

// A request is a struct after huma's conventions: fields with a tag path,
// query or header are parameters, and the field Body is the body. A response
// is a pointer to what is sent as JSON: [One], [Created], [Started], [List], or
// a type of one's own. Errors become problems by their kinds.

// Get returns an endpoint that reads.
func Get[I, R any](path, id, summary string, fn func(context.Context, *I) (*R, error), opts ...Option) Endpoint {
	return plain(newEndpoint(http.MethodGet, path, id, summary, opts), fn)
}

// Post returns an endpoint that creates, changes or starts something. It takes
// an Idempotency-Key: see [KeyID] and [InTx].
func Post[I, R any](path, id, summary string, fn func(context.Context, *I) (*R, error), opts ...Option) Endpoint {
	e := newEndpoint(http.MethodPost, path, id, summary, opts)
	e.keyed = true
	return plain(e, fn)
}

// Query returns an endpoint that reads, and is a POST for the size of what it
// is asked. Nothing of its answers is kept.
func Query[I, R any](path, id, summary string, fn func(context.Context, *I) (*R, error), opts ...Option) Endpoint {
	return plain(newEndpoint(http.MethodPost, path, id, summary, opts), fn)
}

// Put returns an endpoint that replaces something.
func Put[I, R any](path, id, summary string, fn func(context.Context, *I) (*R, error), opts ...Option) Endpoint {
	return plain(newEndpoint(http.MethodPut, path, id, summary, opts), fn)
}

// Patch returns an endpoint that changes part of something.
func Patch[I, R any](path, id, summary string, fn func(context.Context, *I) (*R, error), opts ...Option) Endpoint {
	return plain(newEndpoint(http.MethodPatch, path, id, summary, opts), fn)
}

// Delete returns an endpoint that removes something and answers 204.
func Delete[I any](path, id, summary string, fn func(context.Context, *I) error, opts ...Option) Endpoint {
	return plain(newEndpoint(http.MethodDelete, path, id, summary, opts), func(ctx context.Context, req *I) (*none, error) {
		return &none{}, fn(ctx, req)
	})
}

func newEndpoint(method, path, id, summary string, opts []Option) Endpoint {
	e := Endpoint{Method: method, Path: path, ID: id, Summary: summary, maxBody: 1 << 20}
	for _, opt := range opts {
		opt(&e)
	}
	if len(e.Tags) == 0 {
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/"), "/")
		e.Tags = []string{first}
	}
	return e
}

func plain[I, R any](e Endpoint, fn func(context.Context, *I) (*R, error)) Endpoint {
	e.register = func(a *API, e Endpoint) {
		register(a, e, respondWith[R](a), func(hc huma.Context, req *I) (*answer, error) {
			return keyed(hc, e, func(ctx context.Context) (*answer, error) {
				response, err := fn(ctx, req)
				if err != nil {
					return nil, err
				}
				return answerOf(ctx, response)
			})
		})
	}
	return e
}

// respondWith documents the response of a type.
func respondWith[R any](a *API) func(op *huma.Operation) {
	return func(op *huma.Operation) {
		op.DefaultStatus = http.StatusOK
		headers := map[string]*huma.Param{}
		if r, ok := any(new(R)).(reply); ok {
			status, named := r.reply()
			op.DefaultStatus = status
			for name := range named {
				headers[name] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
			}
		}
		response := &huma.Response{Description: http.StatusText(op.DefaultStatus), Headers: headers}
		if op.DefaultStatus != http.StatusNoContent {
			schema := a.registry().Schema(reflect.TypeFor[R](), true, capital(op.OperationID)+"Response")
			response.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
		}
		op.Responses[strconv.Itoa(op.DefaultStatus)] = response
	}
}

// register gives an operation to huma. What huma lacks stands before it, the
// gate, and after it: the answer is made here.
func register[I any](a *API, e Endpoint, document func(*huma.Operation), serve func(huma.Context, *I) (*answer, error)) {
	registerBody(a, e, document, func(hc huma.Context, req *I) (func(), error) {
		ctx, cancel := context.WithTimeout(hc.Context(), a.config.AnswerWithin)
		defer cancel()
		answer, err := serve(huma.WithContext(hc, ctx), req)
		return func() { answer.write(hc) }, err
	})
}

// stringSchema is of what is no JSON.
func stringSchema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

// registerStream gives huma an operation that writes its response itself.
func registerStream[I any](a *API, e Endpoint, mediaType string, schema func(huma.Registry) *huma.Schema, open func(huma.Context, *I) (func(), error)) {
	registerBody(a, e, func(op *huma.Operation) {
		op.DefaultStatus = http.StatusOK
		op.Responses["200"] = &huma.Response{
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{mediaType: {Schema: schema(a.registry())}},
		}
	}, open)
}

func registerBody[I any](a *API, e Endpoint, document func(*huma.Operation), open func(huma.Context, *I) (func(), error)) {
	g := &gate{maxBody: e.maxBody, keyed: e.keyed}
	op := a.operation(e)
	op.Middlewares = huma.Middlewares{g.pass}
	document(&op)
	huma.Register(a.huma, op, func(ctx context.Context, req *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			st := stateOf(ctx)
			write, err := func() (func(), error) {
				if len(st.faults) > 0 {
					return nil, st.faults
				}
				return open(hc, req)
			}()
			if err != nil {
				st.err = err
				problemOf(ctx, err).answer().write(hc)
				return
			}
			write()
		}}, nil
	})
	a.finish(e, g)
}
