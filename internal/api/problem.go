package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Problem is the body of every answer that is not what was asked for, after
// RFC 9457. It never repeats a value that the caller sent.
type Problem struct {
	Type      string  `json:"type" doc:"A URN that names the kind of problem." example:"urn:macrodata:problem:stale"`
	Title     string  `json:"title" doc:"The kind of problem, in words." example:"Changed since it was read"`
	Status    int     `json:"status" doc:"The HTTP status." example:"412"`
	Detail    string  `json:"detail" doc:"What happened this time."`
	Code      string  `json:"code" doc:"The kind of problem, for programs." example:"stale"`
	Remedy    string  `json:"remedy,omitempty" doc:"What to do next."`
	RequestID string  `json:"requestId" doc:"Names the request in the log."`
	Errors    []Fault `json:"errors,omitempty" doc:"Each fault of the request."`
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Location string `json:"location" doc:"Where it is." example:"body.mappings[3].tag"`
	Message  string `json:"message" doc:"What is wrong there."`
}

// Faults are all that is wrong with a request, as an error of the kind
// errs.Invalid. Pure functions collect them and answer their [Faults.Err].
type Faults []Fault

// Add appends a fault. The location begins with path, query, header or body.
func (f *Faults) Add(location, format string, args ...any) {
	*f = append(*f, Fault{location, fmt.Sprintf(format, args...)})
}

// Err returns the faults as an error, nil where there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error joins the faults.
func (f Faults) Error() string {
	words := make([]string, len(f))
	for i, one := range f {
		words[i] = one.Location + ": " + one.Message
	}
	return strings.Join(words, "; ")
}

// Unwrap gives faults their kind.
func (f Faults) Unwrap() error { return errs.Invalid }

// refusal is a problem that arises here, and not in a scenario.
type refusal struct{ code, detail, remedy string }

func (r refusal) Error() string { return r.detail }

// problems is the one place where a kind of error meets a status.
var problems = map[string]struct {
	status int
	title  string
	kind   error  // whose name ends the text of an error, and says nothing to people
	detail string // instead of the error's own text, which is not for outside
	remedy string // where the error has none
}{
	"invalid":     {status: 422, title: "Invalid request", kind: errs.Invalid, remedy: "correct what is listed and send it again"},
	"not_found":   {status: 404, title: "Not found", remedy: "look it up in its list; GET /api/openapi.yaml tells all paths"},
	"conflict":    {status: 409, title: "In conflict with what is there", kind: errs.Conflict},
	"stale":       {status: 412, title: "Changed since it was read", kind: errs.Stale, remedy: "read it again, look at what has changed, and send the change with its new version"},
	"denied":      {status: 403, title: "Somebody has to act first", kind: errs.Denied},
	"unavailable": {status: 503, title: "Away or busy", detail: "a part that this needs is away or busy", remedy: "try again in a few seconds; GET /api/health says which part it is"},
	"too_large":   {status: 413, title: "More than the system handles at once", kind: errs.TooLarge, remedy: "ask for less at once"},
	"corrupt":     {status: 500, title: "Data contradict themselves", detail: "stored data contradict themselves", remedy: "tell the engineer the requestId"},
	"canceled":    {status: 409, title: "Stopped", kind: errs.Canceled},
	"internal":    {status: 500, title: "A defect of the program", detail: "something went wrong that should not have", remedy: "tell the engineer the requestId"},

	"slow":                   {status: 503, title: "Took too long", detail: "working out the answer took longer than there is time for", remedy: "ask for less at once, or try again in a few seconds"},
	"malformed":              {status: 400, title: "Can't be read"},
	"unauthenticated":        {status: 401, title: "Not signed in", detail: "nobody is signed in", remedy: "open the dashboard's address and sign in"},
	"method_not_allowed":     {status: 405, title: "Not possible here", remedy: "GET /api/openapi.yaml tells what each path takes"},
	"in_progress":            {status: 409, title: "Still under way"},
	"answer_gone":            {status: 409, title: "Done, and the answer was not kept"},
	"unsupported_media_type": {status: 415, title: "Not in a form that is read here"},
	"key_reused":             {status: 422, title: "Key of another request"},
}

const canceledStatus = 499 // of requests whose client went away; only the log sees it

// problemOf turns an error into what people see of it.
func problemOf(ctx context.Context, err error) *Problem {
	code, remedy, text := errs.Kind(err), errs.Remedy(err), err.Error()
	var refused refusal
	switch {
	case errors.As(err, &refused):
		code, remedy, text = refused.code, refused.remedy, refused.detail
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &Problem{Status: canceledStatus, Code: "canceled"}
	case errors.Is(err, context.DeadlineExceeded) && code != "unavailable":
		code = "slow"
	}
	p := newProblem(ctx, code, text)
	if remedy != "" {
		p.Remedy = remedy
	}
	var faults Faults
	if errors.As(err, &faults) {
		p.Detail, p.Errors = count(len(faults)), faults
	}
	return p
}

func newProblem(ctx context.Context, code, detail string) *Problem {
	row := problems[code]
	if row.kind != nil {
		detail = strings.TrimSuffix(detail, ": "+row.kind.Error())
	}
	if row.detail != "" {
		detail = row.detail
	}
	return &Problem{
		Type: "urn:macrodata:problem:" + code, Title: row.title, Status: row.status, Code: code,
		Detail: detail, Remedy: row.remedy, RequestID: RequestID(ctx),
	}
}

func count(faults int) string {
	if faults == 1 {
		return "one thing is wrong with the request"
	}
	return fmt.Sprintf("%d things are wrong with the request", faults)
}

// answer returns the problem as it is sent.
func (p *Problem) answer() *answer {
	a := &answer{status: p.Status, mediaType: "application/problem+json"}
	switch p.Code {
	case "unavailable", "slow":
		a.set("Retry-After", "5")
	case "in_progress":
		a.set("Retry-After", "1")
	}
	a.body, _ = encode(p) // strings and a number
	return a
}

// GetStatus is the status, as huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// Error is the detail, as huma asks for it.
func (p *Problem) Error() string { return p.Detail }

// ContentType is the media type of problems, as huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }
