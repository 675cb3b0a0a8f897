package archtest

import (
	"slices"
	"strings"
	"testing"
)

// law lists the packages bottom-up. A package imports only what stands in a
// row above its own; its tests may besides import the sandbox, pgtest, apitest, test/proof and
// what their row names.
var law = []struct {
	packages string // separated by spaces; an end of /* is one folder's packages
	why      string
	tests    string // what its tests may import beside
}{
	{"internal/errs db", "everything names errors and the schema; they import nothing of ours", ""},
	{"internal/shop", "nouns that all share, without I/O", ""},
	{"internal/disk", "a full disk is told alike by all who write files", ""},
	{"internal/obs internal/blob internal/pg internal/pg/pgdb internal/pg/cluster", "one outside thing each, and not each other", ""},
	{"internal/pg/pgtest", "a server and a schema for tests", ""},
	{"web", "files for browsers, which know the API alone", ""},
	{"internal/access", "who sends a request: knows nothing of what is asked", ""},
	{"internal/webhook", "what Shopify tells: it becomes a row, and nothing follows from it here", ""},
	{"internal/api", "the ground of endpoints, whatever they are of", ""},
	{"internal/api/apitest", "endpoints over HTTP for tests", ""},
	{"internal/outbox internal/lake/rows", "facts on their way to the lakehouse: cheap to import, for every scenario writes some", ""},
	{"internal/shopify/jsonl", "a format that the client and the load share", ""},
	{"internal/shopify", "the other side: knows nothing of how we store", ""},
	{"internal/settings", "what staff set for all scenarios", ""},
	{"internal/artifact internal/catalog internal/runs internal/sales", "what several scenarios write, each behind one package", ""},
	{"internal/designer internal/combo", "kinds of artefacts that several scenarios write", ""},
	{"internal/alert", "tells people of runs and webhooks, and writes neither", ""},
	{"internal/orders", "tells of sales as it writes orders, and knows from the catalog where the shop was", ""},
	{"internal/workflow internal/workflow/floor", "runs anything, so it knows no scenario and no table of ours", "internal/workflow/floor"},
	{"internal/telemetry", "writes down what the engine tells", ""},
	{"internal/lake", "the lakehouse's tables, whoever fills them", "internal/lake/rows internal/outbox"},
	{"internal/lake/duck internal/lake/upkeep", "one reads what lake plans, one keeps it in order", "internal/lake internal/lake/rows internal/outbox"},
	{"internal/scenario", "the types that scenarios declare themselves with", ""},
	{"internal/bulk", "steps that scenarios share, declared as a scenario's are", ""},
	{"internal/scenario/*", "scenarios never import each other: they share through SQL or a package above", ""},
	{"internal/app", "the one place that knows all scenarios and what each needs", ""},
	{"sandbox/access", "an issuer of tokens: must not share code with who verifies them", ""},
	{"sandbox/shopify", "the other side again: must not share code with the client that it tests", ""},
	{"sandbox/shops", "shops for the simulator", ""},
	{"test/proof", "what stories of faults come to, for the tests of all packages", ""},
	{"test/lab", "where stories of the whole program happen", ""},
	{"bench", "measures what is above", "internal/cli"},
	{"internal/cli", "commands put the program together with people and the sandbox", ""},
	{"cmd/macrodata", "a process around cli", ""},
	{"internal/archtest test/*", "tests of the whole; nobody imports them", ""},
}

// confined are packages that only some may import, apart from tests.
var confined = map[string]struct {
	to  string
	why string
}{
	"internal/pg/pgtest":      {"", "it is for tests"},
	"internal/api/apitest":    {"", "it is for tests"},
	"internal/lake/duck":      {"internal/app", "it links DuckDB, which small tests can't afford"},
	"internal/lake/upkeep":    {"internal/app", "it links Iceberg, as app does anyway"},
	"internal/workflow/floor": {"bench", "it is what the engine is measured against"},
	"internal/shopify":        {"internal/bulk internal/scenario/* internal/app internal/cli bench", "only scenarios talk to Shopify, and bulk for them"},
	"internal/orders":         {"internal/scenario/*", "who writes orders is a scenario, and one at a time"},
	"internal/bulk":           {"internal/scenario/*", "its steps run in a scenario's workflow, which declares them"},
	"internal/pg/cluster":     {"internal/app internal/pg/pgtest bench test/*", "whether the server is ours is decided in app"},
	"internal/app":            {"internal/cli bench", "nothing below knows the program"},
	"sandbox/access":          {"internal/cli bench test/*", "as sandbox/shopify"},
	"sandbox/shopify":         {"sandbox/* internal/cli bench test/*", "the product doesn't know that it talks to a simulator"},
	"sandbox/shops":           {"internal/cli bench test/*", "as sandbox/shopify"},
	"test/proof":              {"test/*", "it is for tests"},
	"test/lab":                {"test/*", "as test/proof"},
	"bench":                   {"internal/cli", "a command runs it"},
	"internal/cli":            {"cmd/macrodata", "commands are not an interface"},
}

// sandboxImports is all that simulators share with the product: otherwise they
// would repeat its mistakes.
const sandboxImports = "internal/errs internal/shop sandbox/*"

// among says whether a list of packages, such as those above, has one.
func among(list, path string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(p string) bool {
		folder, all := strings.CutSuffix(p, "*")
		return p == path || all && strings.HasPrefix(path, folder)
	})
}

func rowOf(path string) int {
	for i, row := range law {
		if among(row.packages, path) {
			return i
		}
	}
	return -1
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		row := rowOf(p.Path)
		if row < 0 {
			t.Errorf("%s has no row in the import law: give it one, with the reason", p.Path)
			continue
		}
		for _, to := range ours(p.Imports) {
			if rowOf(to) >= row {
				t.Errorf("%s imports %s, which is not below it: %s", p.Path, to, law[row].why)
			}
			if c, ok := confined[to]; ok && !among(c.to, p.Path) {
				t.Errorf("%s imports %s, which only %q may: %s", p.Path, to, c.to, c.why)
			}
			if strings.HasPrefix(p.Path, "sandbox/") && !among(sandboxImports, to) {
				t.Errorf("%s imports %s: simulators share only %q with the product", p.Path, to, sandboxImports)
			}
		}
		for _, to := range ours(append(p.TestImports, p.XTestImports...)) {
			if rowOf(to) >= row && to != p.Path && !among("sandbox/* internal/pg/pgtest internal/api/apitest test/proof "+law[row].tests, to) {
				t.Errorf("tests of %s import %s, which is not below it", p.Path, to)
			}
		}
	}
}

// TestImportLawIsCurrent keeps rows of packages that are gone out of the law.
func TestImportLawIsCurrent(t *testing.T) {
	t.Parallel()
	list := allPackages(t)
	for _, row := range law {
		for _, path := range strings.Fields(row.packages) {
			if !slices.ContainsFunc(list, func(p pkg) bool { return among(path, p.Path) }) {
				t.Errorf("the import law has a row for %s, which is gone", path)
			}
		}
	}
}

// ours are the imports that belong to this module.
func ours(imports []string) (list []string) {
	for _, path := range imports {
		if own, ok := strings.CutPrefix(path, module); ok {
			list = append(list, own)
		}
	}
	return list
}
