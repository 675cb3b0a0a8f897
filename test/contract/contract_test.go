package contract

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	seed   = flag.Uint64("contract.seed", 1, "what the random requests follow from")
	rounds = flag.Int("contract.n", 24, "right requests to each operation")
)

// TestAnswersAreWhatTheDocumentSays for requests of every right and wrong kind:
// the status, the media type, the body, and problems that name what is wrong
// without repeating it.
func TestAnswersAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	p, c := serve(t), readContract(t)
	a := author{&c, rand.New(rand.NewPCG(*seed, 1)), map[string][]string{}, map[string]answer{}}
	sent, answered := 0, map[string]bool{}
	ask := func(r request) {
		sent++
		got := p.send(t, r)
		answered[fmt.Sprint(r.id, " ", got.status)] = true
		for _, fault := range faultsOf(&c, r, got) {
			t.Errorf("%s (%.300s %.200s): %s\nanswer %d %.600s", r, r.target(), r.body, fault, got.status, got.body)
		}
		a.learn(r, got)
	}
	came := func(o operation) bool {
		return slices.ContainsFunc([]int{200, 201, 202, 204, 404, 409}, func(status int) bool {
			return answered[fmt.Sprint(o.id, " ", status)]
		})
	}
	operations := c.operations()
	for range *rounds { // all in turn, so that later rounds find what earlier ones made
		for _, o := range operations {
			ask(a.right(o))
		}
	}
	// Right requests have to come through, or the rest proves little. What the
	// document can't say, such as that two fields exclude each other, takes luck.
	for _, o := range operations {
		for tries := 0; !came(o); tries++ {
			if tries == 1000 {
				t.Errorf("no request to %s came through", o.id)
				break
			}
			ask(a.right(o))
		}
	}
	for _, o := range operations {
		for _, r := range a.wrong(o) {
			ask(r)
		}
	}
	for _, r := range otherMethods(operations) {
		ask(r)
	}
	if sent < 50*len(operations) {
		t.Errorf("only %d requests to %d operations", sent, len(operations))
	}
	t.Logf("%d requests to %d operations: %v", sent, len(operations), slices.Sorted(maps.Keys(answered)))
}

// otherMethods asks each path for what it doesn't do.
func otherMethods(operations []operation) (list []request) {
	methods := map[string][]string{}
	for _, o := range operations {
		methods[o.path] = append(methods[o.path], o.method)
	}
	for _, o := range operations {
		if methods[o.path][0] != o.method {
			continue // each path once
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			if slices.ContainsFunc(operations, func(p operation) bool { return p.method == method && covers(p.path, o.path) }) {
				continue
			}
			other := operation{method: method, path: o.path, id: o.id, responses: o.responses}
			r := request{operation: other, in: map[string]string{}, what: "another method", want: []int{http.StatusMethodNotAllowed}}
			for _, part := range o.parameters {
				if part.in == "path" {
					r.in[part.name] = "x"
				}
			}
			list = append(list, r)
		}
	}
	return list
}

// covers says whether a path of the document serves another one's requests, as
// /things/{id} does those of /things/sync.
func covers(pattern, path string) bool {
	a, b := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(x, y string) bool { return x == y || strings.HasPrefix(x, "{") })
}

// faultsOf holds an answer against the document.
func faultsOf(c *contract, r request, got answer) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	name, response := r.response(got.status)
	switch {
	case got.status >= http.StatusInternalServerError:
		add("a fault of the program")
	case response == nil:
		add("the document knows no such status")
	case len(r.want) > 0 && !slices.Contains(r.want, got.status):
		add("want one of %v", r.want)
	}
	media, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	if content := at(response, "content"); content != nil && content[media] == nil {
		add("the document knows no %q here", media)
		return faults
	} else if content == nil && len(got.body) > 0 {
		add("the document knows no body here")
		return faults
	}
	body := got.body
	if media == eventStream {
		_, body, _ = bytes.Cut(body, []byte("data: "))
		body, _, _ = bytes.Cut(body, []byte("\n"))
	}
	if strings.HasSuffix(media, "json") || media == eventStream && len(body) > 0 {
		// What another method answers is described where the path's own is.
		described := r.operation
		if at(c.root, "paths", r.path)[strings.ToLower(r.method)] == nil {
			for method := range at(c.root, "paths", r.path) {
				described.method = method
			}
		}
		if err := c.valid(described, name, media, body); err != nil {
			add("the body isn't as the document says: %v", err)
		}
	}
	if media == problemType {
		faults = append(faults, faultsOfProblem(r, got)...)
	}
	return append(faults, literal(r, got)...)
}

// literal holds that a hostile text as a filter found nothing but what has that
// text, which a body before may have made.
func literal(r request, got answer) (faults []string) {
	if got.status != http.StatusOK || r.blames == "" || !strings.HasPrefix(r.blames, "query.") {
		return nil
	}
	var list struct{ Data []any }
	if json.Unmarshal(got.body, &list) != nil {
		return nil
	}
	text := strings.TrimSpace(r.query.Get(strings.TrimPrefix(r.blames, "query.")))
	for _, row := range list.Data {
		if !has(row, strings.ToLower(text)) {
			faults = append(faults, fmt.Sprintf("found a row without the text: %v", row))
		}
	}
	return faults
}

// has reports whether a text stands in any of the texts of a value.
func has(value any, text string) bool {
	switch value := value.(type) {
	case object:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), func(inner any) bool { return has(inner, text) })
	case []any:
		return slices.ContainsFunc(value, func(inner any) bool { return has(inner, text) })
	case string:
		return strings.Contains(strings.ToLower(value), text)
	}
	return false
}

// quoted is what would show that a value came back in other clothes.
var quoted = regexp.MustCompile(`(?i)` + secret)

func faultsOfProblem(r request, got answer) (faults []string) {
	var p struct {
		Type, Title, Detail, Code, Remedy, RequestID string
		Status                                       int
		Errors                                       []struct{ Location, Message string }
	}
	if err := json.Unmarshal(got.body, &p); err != nil {
		return []string{err.Error()}
	}
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if p.Type != "urn:macrodata:problem:"+p.Code || p.Title == "" || p.Detail == "" || p.Status != got.status {
		add("the problem is not complete")
	}
	if p.RequestID == "" || p.RequestID != got.header.Get("X-Request-Id") {
		add("the problem is of request %q, and the answer of %q", p.RequestID, got.header.Get("X-Request-Id"))
	}
	if p.Remedy == "" {
		add("the problem doesn't say what to do")
	}
	if p.Status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
		add("the answer doesn't say what is allowed")
	}
	for _, e := range p.Errors {
		if e.Location == "" || e.Message == "" {
			add("a fault is without place or words")
		}
		if r.secret != "" && quoted.MatchString(e.Message) {
			add("the message repeats what was sent")
		}
	}
	if r.secret != "" && (quoted.MatchString(p.Detail) || quoted.MatchString(p.Remedy) || quoted.MatchString(p.Title)) {
		add("the problem repeats what was sent")
	}
	if p.Status == http.StatusUnprocessableEntity && r.blames != "" && !slices.ContainsFunc(p.Errors, func(e struct{ Location, Message string }) bool {
		return strings.HasPrefix(strings.ToLower(e.Location), strings.ToLower(r.blames)) || e.Location == "path"
	}) {
		add("the problem doesn't name %s", r.blames)
	}
	return faults
}

// learn keeps ids that an answer tells, under the names that parameters have,
// and what can be replaced.
func (a author) learn(r request, got answer) {
	var value any
	if json.Unmarshal(got.body, &value) == nil {
		a.keep("", value)
	}
	if r.method == http.MethodGet && got.status == http.StatusOK && got.header.Get("ETag") != "" {
		a.seen[r.target()] = got
	}
}

func (a author) keep(name string, value any) {
	switch value := value.(type) {
	case object:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			a.keep(name, value[name])
		}
	case []any:
		for _, inner := range value {
			a.keep(name, inner)
		}
	case string:
		if ids := a.known[name]; strings.HasSuffix(name, "Id") && name != "requestId" && len(ids) < 20 && !slices.Contains(ids, value) {
			a.known[name] = append(ids, value)
		}
	}
}
