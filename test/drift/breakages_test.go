package drift

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// breakage is one way to break the checkout.
type breakage struct {
	name string
	file string
	old  string // text of the file that is replaced, wherever it is; "" for a new file
	new  string
	says string // what has to be in the message that follows
}

const (
	folderOfSync = "internal/scenario/bulksync/"
	readme       = folderOfSync + "README.md"
)

var breakages = []breakage{
	{"an endpoint is removed from the document", readme, "| `POST /api/ingest/runs/{runId}/cancel` |", "| `GET /api/ingest/runs` |", "does not name POST /api/ingest/runs/{runId}/cancel"},
	{"an endpoint is renamed in the code", folderOfSync + "api.go", `run+"/cancel"`, `run+"/stop"`, "names `POST /api/ingest/runs/{runId}/cancel`, which its declaration lacks"},
	{"an endpoint that no scenario declares is served", "internal/app/endpoints.go", `"/api/me", "getMe"`, `"/api/whoami", "getWhoami"`, "docs/openapi.yaml is out of date"},
	{"the endpoints of a scenario are not served", "internal/app/endpoints.go", "a.Scenarios.BulkSync.Scenario().Endpoints,", "a.Scenarios.BulkSync.Scenario().Endpoints[1:],", `is declared as startSync, and served as ""`},
	{"a step is renamed in the code", folderOfSync + "deletions.go", `"deletions"`, `"removals"`, `runs step "removals", which it does not declare`},
	{"a declared step is run by nobody", folderOfSync + "workflow.go", `{Name: "close", `, `{Name: "sleepwalk", What: "Does nothing."}, {Name: "close", `, `declares step "sleepwalk", which no code runs`},
	{"a table is declared as read and used by nobody", folderOfSync + "bulksync.go", `"product", "shop",`, `"product", "alert", "shop",`, "declares that it reads alert, which"},
	{"a table is declared as written and isn't", folderOfSync + "bulksync.go", `"ingest_gap", "ingest_product",`, `"ingest_gap", "alert", "ingest_product",`, `"alert"`},
	{"a table is read and not declared", folderOfSync + "bulksync.go", `"product", "shop",`, `"shop",`, "reads product and does not declare it"},
	{"SQL of a scenario writes what belongs to another package", folderOfSync + "bulksync.sql", "-- name: ", "-- name: StealProducts :exec\nDELETE FROM product;\n\n-- name: ", "writes product, which belongs to catalog"},
	{"Go of a package writes what belongs to another", "internal/outbox/stray.go", "", "package outbox\n\nconst stray = `DELETE FROM product`\n", "writes product, which belongs to catalog"},
	{"an acceptance test is renamed", folderOfSync + "rules_test.go", "func TestPlanOfAStream(", "func TestPlansOfAStream(", "names bulksync.TestPlanOfAStream, which is no test"},
	{"an acceptance test is skipped out of the document", readme, "at each of their edges: `bulksync.TestPlanOfAStream`, `bulk.TestHalvesOfAWindow`", "at each of their edges", "names no test"},
	{"a generated part of a document is edited", readme, "| `open` | Shopify, PostgreSQL | Checks", "| `open` | Shopify | Checks", "README.md is out of date"},
	{"the document of the API is edited", "docs/openapi.yaml", "Starts a sync.", "Starts something.", "docs/openapi.yaml is out of date"},
	{"the matrix is edited", "docs/scenarios.md", "`listRuns` | bulksync", "`listRuns` | somebody", "docs/scenarios.md is out of date"},
	{"a section is missing in a document", readme, "## Exceptions", "## Surprises", `"Surprises"`},
	{"the text names a step that isn't", readme, "(`deletions`;", "(`deletions`, `burial`;", "names burial, which is neither a step nor a table"},
	{"a package is in no paragraph of the tour", "internal/stray/stray.go", "", "// Package stray is new.\npackage stray\n", "**`internal/stray`**"},
	{"the tour visits a package that is gone", "ARCHITECTURE.md", "**`internal/blob`**", "**`internal/blobs`**", "internal/blobs, which is no package"},
	{"a package has no comment", "internal/blob/blob.go", "// Package blob ", "// It ", "internal/blob has no package comment"},
	{"an import goes up", "internal/blob/stray.go", "", "package blob\n\nimport _ \"github.com/macrodata-dev/macrodata/internal/shopify/jsonl\"\n", "internal/blob imports internal/shopify/jsonl, which is not below it"},
	{"a library is imported outside of its home", "internal/blob/stray.go", "", "package blob\n\nimport _ \"github.com/spf13/cobra\"\n", "internal/blob imports github.com/spf13/cobra outside of its home"},
	{"a command is renamed", "internal/cli/runs.go", `"runs `, `"history `, "`macrodata runs`, which is no command"},
	{"a scenario is not in the list", "internal/app/scenarios.go", "bulksync.Scenario(),", "", "internal/scenario/bulksync is not in app.Declarations"},
	{"a table has no owner", "db/migrations/9999_nobody_stray.sql", "", "-- +goose Up\nCREATE TABLE stray (id bigint PRIMARY KEY);\n", "stray belongs to nobody"},
}

// breakIn breaks the copy in a folder, and returns what mends it.
func (b breakage) breakIn(folder string) (mend func() error, err error) {
	path := filepath.Join(folder, b.file)
	if b.old == "" {
		return func() error { return os.RemoveAll(path) }, write(folder, b.file, b.new)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	broken := strings.Replace(string(whole), b.old, b.new, 1)
	if broken == string(whole) {
		return nil, fmt.Errorf("%s has no %q any more", b.file, b.old)
	}
	return func() error { return os.WriteFile(path, whole, 0o600) }, os.WriteFile(path, []byte(broken), 0o600)
}
