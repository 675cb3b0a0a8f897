package differential

import (
	"database/sql"
	"strings"
)

// bind puts paths of our own into a text of several statements, which take no
// parameters.
func bind(text string, paths ...string) string {
	for i, p := range paths {
		text = strings.ReplaceAll(text, "$"+string(rune('1'+i)), "'"+strings.ReplaceAll(p, "'", "''")+"'")
	}
	return text
}

// reader is a result of either driver.
type reader interface {
	Next() bool
	Scan(into ...any) error
}

func totals[K comparable](l *lab, db *sql.DB, text string) map[K]total {
	l.Helper()
	rows, err := db.QueryContext(l.Context(), text)
	must(l, err)
	defer rows.Close()
	all := read[K](l, rows)
	must(l, rows.Err())
	return all
}

func totalsOf[K comparable](l *lab, text string) map[K]total {
	l.Helper()
	rows, err := l.app.DB.Query(l.Context(), text)
	must(l, err)
	defer rows.Close()
	all := read[K](l, rows)
	must(l, rows.Err())
	return all
}

func read[K comparable](l *lab, rows reader) map[K]total {
	l.Helper()
	all := map[K]total{}
	for rows.Next() {
		var key K
		var t total
		must(l, rows.Scan(&key, &t.Orders, &t.Units, &t.Net))
		all[key] = t
	}
	return all
}
