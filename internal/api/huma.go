package api

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// ourHuma sets what huma lets one set for the whole process alone. Every API
// wants the same, so once is enough.
var ourHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.ErrorFormatter = withoutValues
	huma.NewErrorWithContext = problemOfHuma
	huma.NewError = func(int, string, ...error) huma.StatusError { return &Problem{} } // for the schema
})

// withoutValues formats huma's messages, but not the errors in them, which
// quote what was sent.
func withoutValues(format string, args ...any) string {
	for _, arg := range args {
		if _, is := arg.(error); is {
			return strings.TrimSuffix(format, ": %v")
		}
	}
	return fmt.Sprintf(format, args...)
}

// problemOfHuma turns what huma found wrong with a request into a problem, and
// adds what the gate found before.
func problemOfHuma(hc huma.Context, status int, detail string, list ...error) huma.StatusError {
	ctx := hc.Context()
	switch status {
	case http.StatusBadRequest:
		p := newProblem(ctx, "malformed", "the body is no JSON")
		p.Remedy, p.Errors = "send JSON", faultsOfHuma(list)
		if len(list) == 0 {
			p.Detail, p.Remedy = "there is no body", "send one; GET /api/openapi.yaml tells what it holds"
		}
		return p
	case http.StatusUnprocessableEntity:
		faults := slices.Clone(stateOf(ctx).faults)
		for _, f := range faultsOfHuma(list) {
			if !slices.Contains(faults, Fault{f.Location, isNull}) { // of another type, too
				faults = append(faults, f)
			}
		}
		return problemOf(ctx, faults)
	}
	return problemOf(ctx, fmt.Errorf("huma: %d %s", status, detail))
}

// maxFaults bounds the list: a body can have a million.
const maxFaults = 100

func faultsOfHuma(list []error) (faults Faults) {
	for _, err := range list {
		fault := Fault{"body", err.Error()}
		if d, ok := err.(huma.ErrorDetailer); ok { //nolint:errorlint // huma's list holds them bare
			fault = Fault{clip(d.ErrorDetail().Location), d.ErrorDetail().Message}
		}
		// What types say of a value that they can't read: ours say it well, and
		// the UUID's quotes it.
		if rest, ok := strings.CutPrefix(fault.Message, "invalid value: "); ok {
			fault.Message = rest
			if strings.HasPrefix(rest, "invalid ") {
				fault.Message = "expected a UUID"
			}
		}
		faults = append(faults, fault)
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Location, b.Location) })
	return faults[:min(len(faults), maxFaults)]
}

// clip shortens a name that the caller chose.
func clip(name string) string {
	if len(name) > 100 {
		return strings.ToValidUTF8(name[:100], "") + "…"
	}
	return name
}

// newRegistry returns huma's registry of schemas, told of the shop's nouns,
// which can't know huma.
func newRegistry(n *names) huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", n.of)
	r.RegisterTypeAlias(reflect.TypeFor[shop.ID](), reflect.TypeFor[ID]())
	r.RegisterTypeAlias(reflect.TypeFor[shop.Amount](), reflect.TypeFor[amount]())
	r.RegisterTypeAlias(reflect.TypeFor[shop.Day](), reflect.TypeFor[day]())
	r.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[id]())
	return r
}

// amount, day and id stand in for shop.Amount, shop.Day and uuid.UUID.
type (
	amount struct{}
	day    struct{}
	id     struct{}
)

// Schema describes an exact decimal.
func (amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Pattern: `^-?\d{1,15}(\.\d{1,4})?$`, PatternDescription: "a decimal with at most four places",
		Description: "An exact decimal.", Examples: []any{"12.30"},
	}
}

// Schema describes a calendar day.
func (day) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date",
		Description: "A day in the shop's time zone.", Examples: []any{"2026-11-23"},
	}
}

// Schema describes one of our own ids.
func (id) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// names gives types their names in the document.
type names struct {
	byType    map[string]string // full names in Go
	operation string            // that is being registered
}

// of names a type after itself, and after its package too where another type
// has the name already. A body without a type is named after its operation.
func (n *names) of(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		if strings.HasSuffix(hint, "Body") {
			hint = n.operation + "Body"
		}
		return huma.DefaultSchemaNamer(t, hint)
	}
	base, arg, generic := strings.Cut(t.PkgPath()+"."+t.Name(), "[")
	name := n.choose(base)
	if generic {
		name += n.choose(strings.TrimSuffix(arg, "]"))
	}
	return name
}

func (n *names) choose(full string) string {
	if name, ok := n.byType[full]; ok {
		return name
	}
	if element, ok := strings.CutPrefix(full, "[]"); ok {
		return "List" + n.choose(element)
	}
	dot := strings.LastIndex(full, ".")
	name := capital(full[dot+1:])
	for _, taken := range n.byType {
		if taken == name && dot > 0 {
			name = capital(full[strings.LastIndex(full[:dot], "/")+1:dot]) + name
			break
		}
	}
	n.byType[full] = name
	return name
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
