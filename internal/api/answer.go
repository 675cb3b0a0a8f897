package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// answer is a whole response.
type answer struct {
	status    int
	mediaType string
	header    map[string]string
	body      []byte
}

func (a *answer) set(name, value string) {
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
}

// reply is what a response says of its own status and headers.
type reply interface {
	reply() (status int, header map[string]string)
}

// answerOf returns the answer that a response makes.
func answerOf(ctx context.Context, response any) (*answer, error) {
	a := &answer{status: http.StatusOK, mediaType: "application/json"}
	if r, ok := response.(reply); ok {
		a.status, a.header = r.reply()
	}
	if l, ok := response.(interface{ fill() }); ok {
		l.fill()
	}
	if change := stateOf(ctx).change; change != "" {
		a.set("X-Change-Id", change)
	}
	if a.status == http.StatusNoContent {
		return a, nil
	}
	var err error
	a.body, err = encode(response)
	return a, err
}

// encode writes JSON as huma does.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// write sends the answer. What the caller has in this version already is not
// sent again.
func (a *answer) write(hc huma.Context) {
	r, w := humago.Unwrap(hc)
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	status, body := a.status, a.body
	if tag := a.header["ETag"]; tag != "" && status == http.StatusOK && (r.Method == http.MethodGet || r.Method == http.MethodHead) && matches(r.Header.Get("If-None-Match"), tag) {
		status, body = http.StatusNotModified, nil
	}
	if len(body) > 0 {
		h.Set("Content-Type", a.mediaType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if status == canceledStatus {
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away
}

// matches reports whether a list of entity tags has one. Tags compare weakly,
// for a proxy that compresses makes them weak.
func matches(list, tag string) bool {
	return list == "*" || slices.ContainsFunc(strings.Split(list, ","), func(one string) bool {
		return strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag
	})
}
