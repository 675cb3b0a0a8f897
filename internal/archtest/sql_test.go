package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// query is a statement, or several under one name, of a package.
type query struct {
	name   string // of a sqlc query; "" in Go
	owner  string // path of the package
	where  string // file, for messages
	writes []string
	names  []string // all tables that it names, written or read
}

var (
	createTable = regexp.MustCompile(`(?i)CREATE (TEMP )?TABLE (?:IF NOT EXISTS )?(\w+)`)
	sqlComment  = regexp.MustCompile(`--.*`)
	sqlString   = regexp.MustCompile(`'[^']*'`)
	sqlWord     = regexp.MustCompile(`[.@]?\b[a-z_]+\b`)
	sqlWrite    = regexp.MustCompile(`(?i)\b(?:INSERT INTO|DELETE FROM|MERGE INTO|COPY|UPDATE(?: ONLY)?)\s+(\w+)|\bTRUNCATE(?: TABLE)?\s+([\w\s,]+)`)
	sqlcName    = regexp.MustCompile(`(?m)^-- name: (\w+)`)
)

// tables returns the tables that migrations create, each with the owner that
// its file names: NNNN_<owner>_<what>.sql.
func tables(t *testing.T) map[string]string {
	t.Helper()
	owners := map[string]string{}
	for _, path := range glob(t, "db/migrations/*.sql") {
		parts := strings.SplitN(filepath.Base(path), "_", 3)
		if len(parts) != 3 || len(parts[0]) != 4 {
			t.Errorf("%s is not named NNNN_<owner>_<what>.sql", path)
			continue
		}
		for _, m := range createTable.FindAllStringSubmatch(sqlComment.ReplaceAllString(read(t, path), ""), -1) {
			if m[1] == "" {
				owners[m[2]] = parts[1]
			}
		}
	}
	return owners
}

// understand finds the tables that a statement names and writes.
func understand(sql string, known map[string]string) (writes, names []string) {
	sql = sqlString.ReplaceAllString(sqlComment.ReplaceAllString(sql, ""), "''")
	written, named := map[string]bool{}, map[string]bool{}
	for _, m := range sqlWrite.FindAllStringSubmatch(sql, -1) {
		for _, table := range strings.FieldsFunc(m[1]+m[2], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
			if known[table] != "" {
				written[table] = true
			}
		}
	}
	for _, word := range sqlWord.FindAllString(sql, -1) {
		if known[word] != "" {
			named[word] = true
		}
	}
	return slices.Sorted(maps.Keys(written)), slices.Sorted(maps.Keys(named))
}

// queries returns all statements of the product: sqlc's queries, and what Go
// files hold in strings.
func queries(t *testing.T) (list []query) {
	t.Helper()
	known := tables(t)
	for _, p := range allPackages(t) {
		if !strings.HasPrefix(p.Path, "internal/") || p.Path == "internal/pg/pgdb" {
			continue // generated from the queries; benchmarks have databases of their own
		}
		files, _ := filepath.Glob(filepath.Join(p.Dir, "*.sql")) // the pattern is well-formed
		for _, path := range files {
			list = append(list, sqlcQueries(t, p, filepath.Base(path), known)...)
		}
		for where, file := range p.parsed(t) {
			for _, sql := range stringsOf(file) {
				if writes, names := understand(sql, known); len(writes) > 0 {
					list = append(list, query{owner: p.Path, where: where, writes: writes, names: names})
				}
			}
		}
	}
	return list
}

func sqlcQueries(t *testing.T, p pkg, file string, known map[string]string) (list []query) {
	text := read(t, filepath.Join(p.Path, file))
	starts := sqlcName.FindAllStringSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		q := query{name: text[at[2]:at[3]], owner: p.Path, where: filepath.Join(p.Path, file)}
		q.writes, q.names = understand(text[at[1]:end], known)
		list = append(list, q)
	}
	if len(list) == 0 {
		t.Errorf("%s/%s has no named query", p.Path, file)
	}
	return list
}

func stringsOf(file *ast.File) (list []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}
