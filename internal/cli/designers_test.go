package cli

import (
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestDesigners(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, pg.Config{URL: url, MaxConns: 1})
	if _, err := db.Exec(t.Context(), taggedShop); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MACRODATA_DATABASE_URL=" + url}
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"designers-none-json", []string{"designers", "--json"}, done},
		{"designers-assign", []string{"designers", "assign", "Ana  Moreno", "owl", "LUNA MOTH"}, done},
		{"designers-assign-json", []string{"designers", "assign", "ana moreno", "owl", "season: fall", "--json"}, done},
		{"designers-again", []string{"designers", "assign", "ana moreno", "owl"}, failed},
		{"designers-wrong", []string{"designers", "assign", " ", "owl", "mothra"}, misuse},
		{"designers", []string{"designers"}, done},
		{"designers-json", []string{"designers", "--json"}, done},
		{"designers-unassign", []string{"designers", "unassign", "ANA MORENO", "owl"}, done},
		{"designers-unassign-json", []string{"designers", "unassign", "ana moreno", "luna moth", "--json"}, done},
		{"designers-unassign-again", []string{"designers", "unassign", "ana moreno", "owl"}, failed},
		{"designers-unassign-wrong", []string{"designers", "unassign", "ana moreno", "mothra"}, misuse},
		{"designers-nobody", []string{"designers", "unassign", "nobody", "owl"}, failed},
	} {
		got := run(environ, c.args...).want(t, c.code)
		golden(t, c.name, got.stdout+got.stderr)
	}
	var who string
	if err := db.QueryRow(t.Context(), `SELECT string_agg(DISTINCT principal_kind || ' ' || operation, ', ' ORDER BY principal_kind || ' ' || operation) FROM change`).Scan(&who); err != nil || who != "user assignDesigner, user unassignDesigner" {
		t.Errorf("the changes are %s, %v", who, err)
	}
}
