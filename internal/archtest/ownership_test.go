package archtest

import (
	"go/ast"
	"path"
	"slices"
	"testing"
)

// TestTablesHaveOneWriter: a table is written by the package that its
// migration is named after, and by nobody else. Anyone may read it.
func TestTablesHaveOneWriter(t *testing.T) {
	t.Parallel()
	owners := tables(t)
	written := map[string]bool{}
	for _, q := range queries(t) {
		for _, table := range q.writes {
			written[table] = true
			if owners[table] != path.Base(q.owner) {
				t.Errorf("%s (%s) writes %s, which belongs to %s", q.where, q.name, table, owners[table])
			}
		}
	}
	for table, owner := range owners {
		if !written[table] {
			t.Errorf("nobody writes %s, which a migration of %s creates", table, owner)
		}
		if !slices.ContainsFunc(allPackages(t), func(p pkg) bool { return path.Base(p.Path) == owner }) {
			t.Errorf("%s belongs to %s by the name of its migration, and there is no such package", table, owner)
		}
	}
}

// TestWritingQueriesStayAtHome: sqlc puts all queries into one package, so a
// package could call another's. Those that write it must not.
func TestWritingQueriesStayAtHome(t *testing.T) {
	t.Parallel()
	home := map[string]string{}
	for _, q := range queries(t) {
		if q.name != "" && len(q.writes) > 0 {
			home[q.name] = q.owner
		}
	}
	for _, p := range allPackages(t) {
		if !slices.Contains(ours(p.Imports), "internal/pg/pgdb") {
			continue
		}
		for where, file := range p.parsed(t) {
			ast.Inspect(file, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if of := home[sel.Sel.Name]; of != "" && of != p.Path {
						t.Errorf("%s calls the query %s of %s, which writes", where, sel.Sel.Name, of)
					}
				}
				return true
			})
		}
	}
}
