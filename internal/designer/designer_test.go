package designer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestAssignmentsOutsideOfRequests are the system's, and may be made twice.
func TestAssignmentsOutsideOfRequests(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	if _, err := db.Exec(t.Context(), `INSERT INTO product_tag (name) SELECT 'tag ' || n FROM generate_series(1, 300) n`); err != nil {
		t.Fatal(err)
	}
	give := func(name string, tags ...string) (out designer.Outcome, err error) {
		err = db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			out, err = designer.Assign(ctx, tx, api.IfMatch{}, name, tags)
			return err
		})
		return out, err
	}
	first, err := give("Ana", "TAG 1")
	again, err2 := give("ana", "tag 1")
	if err != nil || err2 != nil || fmt.Sprint(first.Changed, again.Changed, again.Unchanged, again.Version) != "[tag 1] [] [tag 1] 1" {
		t.Errorf("they came to %+v, %v and %+v, %v", first, err, again, err2)
	}
	var changes string
	if err := db.QueryRow(t.Context(), `SELECT string_agg(operation || ' ' || principal_kind, ',') FROM change`).Scan(&changes); err != nil || changes != "assignDesigner system" {
		t.Errorf("the changes are %s, %v", changes, err)
	}
	_, err = give("Ana", strings.Split(strings.Repeat("none,", 150)+"tag 2", ",")...)
	if errs.Kind(err) != "invalid" || !strings.Contains(err.Error(), "50 more") {
		t.Errorf("tags that there are not are %v", err)
	}
	all, err := designer.All(t.Context(), db)
	if err != nil || len(all) != 1 || fmt.Sprintf("%s %v", all[0].Identifier, all[0].Payload) != "ana {Ana [tag 1]}" {
		t.Errorf("there are %+v, %v", all, err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		designer string
		tags     int
		want     string // locations
	}{
		"a name and a tag are fine":             {"Ana", 1, ""},
		"letters of any script are letters":     {"安奈", 1, ""},
		"a name of a hundred characters is one": {strings.Repeat("ä", 100), 1, ""},
		"a longer one is not":                   {strings.Repeat("ä", 101), 1, "at.designerName"},
		"all faults come at once":               {" ", 0, "at.designerName at.tags"},
		"more tags than a designer may have":    {"Ana", designer.MaxTags + 1, "at.tags"},
		"an address of its own":                 {" UNASSIGN ", 1, "at.designerName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range designer.Check("at", c.designer, make([]string, c.tags)) {
				got = append(got, f.Location)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("the faults are at %v, want %s", got, c.want)
			}
		})
	}
}
