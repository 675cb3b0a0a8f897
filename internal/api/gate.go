package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Limits of a request, beside the size of its body.
const (
	maxParameters = 200
	maxDepth      = 64 // of JSON
	maxKey        = 255
	bodyTimeout   = 30 * time.Second // for all of a body
)

// gate is what an endpoint takes. It stands before huma and finds what huma
// lets pass, or would answer alone though there are other faults.
type gate struct {
	query   map[string]bool // parameters; true where one may come several times
	takes   bool            // a body
	media   string          // of it, such as application/json
	schema  *huma.Schema    // of a body that is JSON; nil for others
	refs    huma.Registry   // of the schema's parts
	maxBody int64
	keyed   bool // takes an Idempotency-Key
}

// learn reads what an operation takes out of its documentation.
func (g *gate) learn(op *huma.Operation, refs huma.Registry) {
	g.query = map[string]bool{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			g.query[p.Name] = p.Explode != nil && *p.Explode
		}
	}
	if g.takes = op.RequestBody != nil; g.takes {
		if media := op.RequestBody.Content["application/json"]; media != nil {
			g.schema, g.refs = media.Schema, refs
		}
		for name := range op.RequestBody.Content { // there is one
			g.media = name
		}
	}
}

// pass collects faults for later, and answers at once where reading on would
// harm or make no sense.
func (g *gate) pass(hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	st := stateOf(r.Context())
	g.checkURL(r.URL, &st.faults)
	if g.keyed {
		checkKey(r.Header.Values(keyHeader), &st.faults)
	}
	if err := g.readBody(w, r, st); err != nil {
		st.err = err
		problemOf(r.Context(), err).answer().write(hc)
		return
	}
	next(hc)
}

func (g *gate) checkURL(u *url.URL, faults *Faults) {
	if !storable(u.Path) {
		faults.Add("path", "is no UTF-8 text without NUL")
	}
	if strings.Count(u.RawQuery, "&") >= maxParameters {
		faults.Add("query", "has more than %d parameters", maxParameters)
		return
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		faults.Add("query", "is not encoded as a URL's query")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		where := "query." + clip(name)
		several, known := g.query[name]
		switch {
		case !known:
			faults.Add(where, "there is no such parameter")
		case len(values[name]) > 1 && !several:
			faults.Add(where, "is there more than once")
		case slices.ContainsFunc(values[name], func(s string) bool { return !storable(s) }):
			faults.Add(where, "is no UTF-8 text without NUL")
		case slices.Contains(values[name], ""): // huma takes it for one that isn't there
			faults.Add(where, "is empty: leave it out, or give it a value")
		}
	}
}

// storable reports whether PostgreSQL can hold a text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func checkKey(keys []string, faults *Faults) {
	const where = "header." + keyHeader
	switch {
	case len(keys) > 1:
		faults.Add(where, "is there more than once")
	case len(keys) == 1 && (keys[0] == "" || len(keys[0]) > maxKey):
		faults.Add(where, "is not 1 to %d characters long", maxKey)
	case len(keys) == 1 && strings.ContainsFunc(keys[0], func(c rune) bool { return c < ' ' || c > '~' }):
		faults.Add(where, "has characters other than printable ASCII")
	}
}

// readBody reads a body into the state and puts it back for huma.
func (g *gate) readBody(w http.ResponseWriter, r *http.Request, st *state) error {
	if r.Method == http.MethodGet || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return refusal{"unsupported_media_type", "the body is compressed", "send it as it is"}
	}
	limit := g.maxBody
	if !g.takes {
		limit = 1 << 10
	}
	tooLarge := refusal{"too_large", "the body is larger than this endpoint takes", "send less at once"}
	if r.ContentLength > limit {
		return tooLarge
	}
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout)) // a writer without deadlines is a test's
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = deadline.SetReadDeadline(time.Time{})
	if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
		return tooLarge
	} else if err != nil {
		return refusal{"malformed", "the body ended too early or came too slowly", "send it again"}
	}
	st.body = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	return g.checkBody(r.Header.Get("Content-Type"), st)
}

func (g *gate) checkBody(contentType string, st *state) error {
	body := st.body
	if !g.takes {
		if s := strings.TrimSpace(string(body)); s != "" && s != "{}" {
			st.faults.Add("body", "this takes none")
		}
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	// A page of another site can send texts and forms without asking first, and
	// neither JSON nor CSV.
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != g.media {
		return refusal{"unsupported_media_type", "the body is not said to be what this takes", "send Content-Type: " + g.media}
	}
	if g.schema == nil {
		return nil
	}
	if !utf8.Valid(body) {
		return refusal{"malformed", "the body is no UTF-8", "send JSON in UTF-8"}
	}
	depth, nul := survey(body)
	if depth > maxDepth {
		return refusal{"malformed", "the body is nested too deeply", "send flatter JSON"}
	}
	if nul {
		st.faults.Add("body", `has the character \u0000, which can't be stored`)
	}
	findNulls(body, g.schema, g.refs, &st.faults)
	return nil
}

// survey says how deep JSON is nested, and whether a string of it has a NUL.
// What is no JSON is for the parser to find.
func survey(data []byte) (depth int, nul bool) {
	open, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			inString = !inString
		case c == '\\' && inString:
			nul = nul || bytes.HasPrefix(data[i+1:], []byte("u0000"))
			i++
		case inString:
		case c == '{' || c == '[':
			open++
			depth = max(depth, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return depth, nul
}
