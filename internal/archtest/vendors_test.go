package archtest

import (
	"strings"
	"testing"
)

// homes says which packages import which library, so that there is one place
// to look when it changes and one to replace it in.
var homes = []struct {
	library string // a prefix of import paths
	home    string // packages, as in the import law; "" is tests alone
	tests   string // packages whose tests import it too
	why     string
}{
	{"github.com/jackc/pgx/v5", "internal/pg internal/pg/pgdb internal/pg/cluster internal/pg/pgtest internal/workflow internal/workflow/floor internal/lake",
		"internal/* test/*", "pg sets the limits; sqlc's output, the cluster's own checks, the engine and the SQL catalog need the bare driver"},
	{"github.com/pressly/goose/v3", "internal/pg", "", "migrations are part of opening a database"},
	{"github.com/dbos-inc/dbos-transact-golang", "internal/workflow internal/workflow/floor", "internal/workflow", "an engine that could be another"},
	{"github.com/apache/iceberg-go", "internal/lake", "internal/lake", "an open table format, behind one package's names"},
	{"github.com/apache/arrow-go/v18", "internal/lake internal/lake/rows", "internal/lake/* internal/scenario/* internal/telemetry", "rows are packed once, and handed on as they are"},
	{"github.com/klauspost/compress", "internal/lake/rows", "internal/lake/*", "the body of a batch"},
	{"github.com/duckdb/duckdb-go/v2", "internal/lake/duck bench", "internal/lake/* test/differential", "a large C++ library: small tests must not link it; bench, which links it anyway, measures against it"},
	{"github.com/robfig/cron/v3", "internal/workflow", "", "reads cron lines; when they are due is decided by the database's clock"},
	{"gocloud.dev", "internal/blob", "", "stores behind one interface"},
	{"github.com/cespare/xxhash/v2", "internal/shopify/jsonl", "", "content hashes are made in one place"},
	{"github.com/vektah/gqlparser/v2", "sandbox/shopify", "internal/shopify", "the client sends fixed documents; who checks them parses"},
	{"github.com/spf13/cobra", "internal/cli", "", "the command line"},
	{"golang.org/x/term", "internal/cli", "", "as cobra"},
	{"github.com/caarlos0/env/v11", "internal/app", "", "settings are read once"},
	{"github.com/prometheus/client_golang", "internal/app", "", "what Prometheus asks, and the process as its own collectors see it"},
	{"github.com/danielgtaylor/huma/v2", "internal/api", "internal/api", "parses, validates and documents; endpoints don't know it"},
	{"github.com/coreos/go-oidc/v3", "internal/access", "internal/access", "verifies signature, issuer and audience; its key set is ours"},
	{"golang.org/x/sync", "internal/*", "", "goroutines that end together"},
	{"golang.org/x/sys", "internal/pg/cluster", "internal/*", "file locks and signals of processes"},
	{"github.com/google/uuid", "internal/* test/lab", "internal/* test/*", "a noun: ids of runs"},
	{"github.com/santhosh-tekuri/jsonschema/v6", "", "test/contract", "reads the schemas that huma writes, and shares nothing with it"},
	{"github.com/google/go-cmp", "", "*", "differences that people can read"},
	{"github.com/goccy/go-json", "", "internal/shopify/jsonl", "a second opinion, and a yardstick"},
}

func TestEachVendorHasOneHome(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	check := func(p pkg, imports []string, inTests bool) {
		for _, path := range imports {
			if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") || strings.HasPrefix(path, module) {
				continue
			}
			known, allowed := false, false
			for _, h := range homes {
				if path == h.library || strings.HasPrefix(path, h.library+"/") {
					known, used[h.library] = true, true
					allowed = among(h.home, p.Path) || inTests && among(h.tests, p.Path)
				}
			}
			switch {
			case !known:
				t.Errorf("%s imports %s, which has no home: give it one, with the reason", p.Path, path)
			case !allowed:
				t.Errorf("%s imports %s outside of its home", p.Path, path)
			}
		}
	}
	for _, p := range allPackages(t) {
		check(p, p.Imports, false)
		check(p, append(p.TestImports, p.XTestImports...), true)
	}
	for _, h := range homes {
		if !used[h.library] {
			t.Errorf("%s has a home and is imported by nobody", h.library)
		}
	}
}
