package archtest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/app"
)

// served returns the operationIds of a document by "METHOD /path".
func served(t *testing.T, document []byte) map[string]string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			ids[strings.ToUpper(method)+" "+path] = op.OperationID
		}
	}
	return ids
}

// TestDeclaredEndpointsAreServed by the program, each under its path and name,
// and each list as CSV, too.
func TestDeclaredEndpointsAreServed(t *testing.T) {
	t.Parallel()
	_, document, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	ids := served(t, document)
	for _, s := range app.Declarations() {
		for _, e := range s.Endpoints {
			if got := ids[e.Method+" "+e.Path]; got != e.ID {
				t.Errorf("%s %s of scenario %s is declared as %s, and served as %q", e.Method, e.Path, s.ID, e.ID, got)
			}
			if e.CSV && ids[http.MethodGet+" "+e.Path+".csv"] == "" {
				t.Errorf("%s is a list, and not served as CSV", e.Path)
			}
		}
	}
}

// TestGeneratedOpenAPI keeps the document of all that is served, which is what
// macrodata openapi prints, where clients and reviewers find it.
func TestGeneratedOpenAPI(t *testing.T) {
	t.Parallel()
	document, _, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "docs/openapi.yaml", string(document))
}

var endpointName = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) (/[^ ?]*)`)

// TestDocumentsNameEndpointsThatExist: each scenario's document names its own
// endpoints, all of them where they belong, and no others.
func TestDocumentsNameEndpointsThatExist(t *testing.T) {
	t.Parallel()
	for _, s := range app.Declarations() {
		declared := map[string]bool{}
		for _, e := range s.Endpoints {
			declared[e.Method+" "+e.Path] = true
			if e.CSV {
				declared[e.Method+" "+e.Path+".csv"] = true
			}
		}
		named := map[string]bool{}
		for title, text := range document(t, s) {
			for _, word := range words(text) {
				name := endpointName.FindString(word)
				if name != "" && !declared[name] {
					t.Errorf("the document of %s names `%s`, which its declaration lacks", s.ID, name)
				}
				named[name] = named[name] || title == "API endpoints"
			}
		}
		for _, e := range s.Endpoints {
			if !named[e.Method+" "+e.Path] {
				t.Errorf("the API section of %s does not name %s %s", s.ID, e.Method, e.Path)
			}
		}
	}
}
