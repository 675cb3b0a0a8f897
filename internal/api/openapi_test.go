package api_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/macrodata-dev/macrodata/internal/api"
)

var update = flag.Bool("update", false, "write the golden document anew")

func TestDocument(t *testing.T) {
	t.Parallel()
	const golden = "testdata/openapi.yaml"
	document := func() string {
		a, err := api.New(api.Config{Title: "Gadgets", Version: "1", Description: "An example of all conventions."}, new(shelf).endpoints()...)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(a.OpenAPIJSON()) {
			t.Error("the JSON is none")
		}
		return string(a.OpenAPI())
	}
	got := document()
	if again := document(); again != got {
		t.Error("the document is another each time")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run go test ./internal/api -update and look at the difference:\n%s", diff)
	}
}

func TestAnEndpointKnowsWhatItIs(t *testing.T) {
	t.Parallel()
	for i, want := range []string{
		"GET /api/gadgets listGadgets", "POST /api/gadgets createGadget", "GET /api/gadgets/{gadgetId} getGadget",
	} {
		e := new(shelf).endpoints()[i]
		if got := e.Method + " " + e.Path + " " + e.ID; got != want || e.CSV != strings.HasPrefix(e.ID, "list") || e.Tags[0] != "gadgets" {
			t.Errorf("%s: %+v", got, e)
		}
	}
}

type twin struct {
	Name string `json:"name"`
}

func TestEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	type query struct{}
	type row struct {
		ID string `json:"id"`
	}
	get := func(context.Context, *query) (*api.One[row], error) { return nil, nil }
	list := func(context.Context, *query, *row, int) ([]row, error) { return nil, nil }
	key := func(r row) row { return r }
	for _, test := range []struct {
		name, want string
		endpoints  []api.Endpoint
	}{
		{"two of one path", "conflicts with pattern", []api.Endpoint{api.Get("/api/a", "a", "A.", get), api.Get("/api/a", "b", "B.", get)}},
		{"two of one id", "duplicate operation ID", []api.Endpoint{api.Get("/api/a", "a", "A.", get), api.Get("/api/b", "a", "A.", get)}},
		{"a path elsewhere", "below /api/", []api.Endpoint{api.Get("/a", "a", "A.", get)}},
		{"no summary", "a summary", []api.Endpoint{api.Get("/api/a", "a", "", get)}},
		{"a parameter of the path that nobody reads", "{id}", []api.Endpoint{api.Get("/api/a/{id}", "a", "A.", get)}},
		{"a list without pages", "api.Page", []api.Endpoint{api.ListOf("/api/a", "a", "A.", list, key)}},
		{"two undoers of one operation", "two undoers", api.Changes(nil,
			api.Undo("a", new(shelf).uncreate), api.Undo("a", new(shelf).uncreate))},
	} {
		_, err := api.New(api.Config{Title: "t", Version: "1"}, test.endpoints...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestTypesOfOneNameHaveTwoInTheDocument(t *testing.T) {
	t.Parallel()
	outer := func(context.Context, *struct{}) (*api.One[twin], error) { return nil, nil }
	type twin struct{ Other string }
	inner := func(context.Context, *struct{}) (*api.One[api.Fault], error) { return nil, nil }
	_ = twin{}
	a, err := api.New(api.Config{Title: "t", Version: "1"}, api.Get("/api/a", "a", "A.", outer), api.Get("/api/b", "b", "B.", inner))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"OneTwin:", "OneFault:"} {
		if !strings.Contains(string(a.OpenAPI()), name) {
			t.Errorf("no %s", name)
		}
	}
}
