package api

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Event is one event of a stream.
type Event[E any] struct {
	ID   string // where a client that lost its connection goes on; "" leaves the last one
	Name string // "message" where empty
	Data E      // sent as JSON
}

const (
	eventTimeout = 10 * time.Second // for a client to take an event
	retry        = "retry: 2000\n\n"
)

// Events returns an endpoint that sends events to browsers' EventSource, after
// the HTML standard. open finds what is asked for: its error is a problem. The
// events follow those that the client has, lastID being the id of the newest;
// "" where it has none. They end when ctx does, which is when the client is
// gone, the token expires or the server stops. Where they end by themselves,
// the client is sent the event "end", and doesn't come back.
func Events[I, E any](path, id, summary string, open func(ctx context.Context, req *I, lastID string) (iter.Seq2[Event[E], error], error), opts ...Option) Endpoint {
	e := newEndpoint(http.MethodGet, path, id, summary, opts)
	e.register = func(a *API, e Endpoint) {
		schema := func(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[E](), true, capital(e.ID)+"Event") }
		registerStream(a, e, "text/event-stream", schema, func(hc huma.Context, req *I) (func(), error) {
			lastID := hc.Header("Last-Event-ID")
			if len(lastID) > 255 || !storable(lastID) {
				return nil, Faults{{"header.Last-Event-ID", "is no id of an event of this stream"}}
			}
			r, w := humago.Unwrap(hc)
			ctx, cancel := untilExpiry(hc.Context())
			events, err := open(ctx, req, lastID)
			if err != nil {
				cancel()
				return nil, err
			}
			return func() {
				h := w.Header()
				h.Set("Content-Type", "text/event-stream")
				h.Set("Cache-Control", "no-cache, no-transform")
				h.Set("X-Accel-Buffering", "no")
				if r.Method == http.MethodHead { // which nobody waits for the end of
					cancel()
					return
				}
				s := &stream{w: w, control: http.NewResponseController(w), heartbeat: a.config.Heartbeat, stop: a.stop}
				s.send(ctx, cancel, texts(events))
			}, nil
		})
	}
	return e
}

// untilExpiry ends a context when the token of the request does.
func untilExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	if at := PrincipalOf(ctx).Expires; !at.IsZero() {
		return context.WithDeadline(ctx, at)
	}
	return context.WithCancel(ctx)
}

// texts turns events into what is sent for them.
func texts[E any](events iter.Seq2[Event[E], error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for e, err := range events {
			if err != nil {
				yield("", err)
				return
			}
			data, err := encode(e.Data)
			if strings.ContainsAny(e.ID+e.Name, "\r\n\x00") {
				err = fmt.Errorf("id or name of an event has a line end: %w", errs.Corrupt)
			}
			var b strings.Builder
			if e.ID != "" {
				fmt.Fprintf(&b, "id: %s\n", e.ID)
			}
			if e.Name != "" {
				fmt.Fprintf(&b, "event: %s\n", e.Name)
			}
			fmt.Fprintf(&b, "data: %s\n", data) // which ends in a line end, and has no other
			if !yield(b.String(), err) || err != nil {
				return
			}
		}
	}
}

// stream is the connection of one client.
type stream struct {
	w         http.ResponseWriter
	control   *http.ResponseController
	heartbeat time.Duration
	stop      <-chan struct{}
}

type text struct {
	text string
	err  error
}

// send writes until the events, the client, the token or the server ends. Then
// it cancels the context that the events were opened with.
func (s *stream) send(ctx context.Context, cancel context.CancelFunc, events iter.Seq2[string, error]) {
	next := produce(ctx, events)
	defer func() {
		cancel()
		for range next { // until the producer has ended, too
		}
	}()
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for ok := s.write(retry); ok; {
		select {
		case e, more := <-next:
			switch {
			case e.err != nil:
				stateOf(ctx).err = e.err
				return // the client asks again, and is told what is wrong
			case !more && ctx.Err() == nil:
				s.write("event: end\ndata: {}\n\n")
				return
			case more:
				ok = s.write(e.text)
			}
		case <-beat.C:
			ok = s.write(": still here\n\n")
		case <-s.stop:
			s.write(retry)
			return
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // the token; the client comes back with another
				s.write(retry)
			}
			return
		}
	}
}

// write sends at once, and reports whether the client is still there.
func (s *stream) write(text string) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(eventTimeout)) // as in readBody
	_, err := s.w.Write([]byte(text))
	return err == nil && s.control.Flush() == nil
}

// produce runs events on a goroutine of their own, so that a heart can beat
// while they wait. The channel is closed when they have ended.
func produce(ctx context.Context, events iter.Seq2[string, error]) <-chan text {
	next := make(chan text)
	pass := func(t text) bool {
		select {
		case next <- t:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(next)
		defer func() {
			if p := recover(); p != nil {
				pass(text{err: fmt.Errorf("panic: %v", p)})
			}
		}()
		for s, err := range events {
			if !pass(text{s, err}) {
				return
			}
		}
	}()
	return next
}
