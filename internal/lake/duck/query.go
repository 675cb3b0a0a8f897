package duck

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

//go:embed sql
var files embed.FS

// query is a named SELECT. Its text names tables by the last part of their
// names; a comment says which they are:
//
//	-- reads: measurement.sales between since and until
//
// The second half, which may be left out, names the parameters that bound the
// time, so that files without such rows aren't read. It is only a hint to the
// plan: the query has to repeat the condition.
type query struct {
	name  string
	text  string
	reads []source
	takes []string // names of parameters, in order
}

// source is a table that a query reads.
type source struct {
	table        string // of the lakehouse; "*" where the caller says which
	since, until string // parameters; "" where time doesn't matter
}

// anyTable stands for the table that a request names, which the query knows as
// planned.
const anyTable = "*"

// view returns the name that queries know a table by.
func view(table string) string { return table[strings.LastIndexByte(table, '.')+1:] }

var parameter = regexp.MustCompile(`\$([a-z_]+)`)

var readsLine = regexp.MustCompile(`(?m)^-- reads: (\*|[a-z_]+\.[a-z_]+)(?: between ([a-z_]+) and ([a-z_]+))?$`)

func ownQueries() fs.FS {
	sub, err := fs.Sub(files, "sql")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return sub
}

// readQueries reads all *.sql files, each a query that is named as the file.
func readQueries(folders []fs.FS) (map[string]*query, error) {
	queries := map[string]*query{}
	for _, folder := range folders {
		paths, err := fs.Glob(folder, "*.sql")
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			text, err := fs.ReadFile(folder, p)
			if err != nil {
				return nil, err
			}
			q := parse(strings.TrimSuffix(path.Base(p), ".sql"), string(text))
			if len(q.reads) == 0 {
				return nil, fmt.Errorf("query %s has no line “-- reads: <table>”: %w", q.name, errs.Invalid)
			}
			if queries[q.name] != nil {
				return nil, fmt.Errorf("two queries are named %s: %w", q.name, errs.Invalid)
			}
			queries[q.name] = q
		}
	}
	return queries, nil
}

func parse(name, text string) *query {
	q := &query{name: name, text: text}
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		q.takes = append(q.takes, m[1])
	}
	slices.Sort(q.takes)
	q.takes = slices.Compact(q.takes)
	for _, m := range readsLine.FindAllStringSubmatch(text, -1) {
		q.reads = append(q.reads, source{table: m[1], since: m[2], until: m[3]})
	}
	return q
}

// macro is what queries of a table share.
type macro struct{ table, text string }

// readMacros reads the statements in sql/shared, which are run before each
// query that reads their table.
func readMacros() (macros []macro, err error) {
	paths, err := fs.Glob(files, "sql/shared/*.sql")
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		text, err := fs.ReadFile(files, p)
		if err != nil {
			return nil, err
		}
		for _, s := range parse(p, string(text)).reads {
			macros = append(macros, macro{s.table, string(text)})
		}
	}
	return macros, nil
}
