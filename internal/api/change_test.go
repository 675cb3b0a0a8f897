package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

type undoReply struct {
	Data struct{ ChangeID, Undoes string }
}

func undo(t *testing.T, d *door, change string) (out undoReply) {
	t.Helper()
	r := d.send("POST", "/api/changes/"+change+"/undo", "")
	if err := json.Unmarshal([]byte(r.body), &out); err != nil || r.status != 200 || r.header.Get("X-Change-Id") != "" && r.header.Get("X-Change-Id") != out.Data.ChangeID {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return out
}

func TestAChangeIsRecordedUndoneAndDoneAgain(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	change := d.send("POST", "/api/gadgets", `{"name":"anvil"}`).header.Get("X-Change-Id")
	got := d.send("GET", "/api/changes/"+change, "").body
	for _, want := range []string{
		`"principal":"ops@example.com","principalKind":"user","operation":"createGadget","subject":"gadget","subjectIds":["1"]`,
		`"undoable":true`, `"after":{`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis not in\n%s", want, got)
		}
	}
	first := undo(t, d, change)
	if again := undo(t, d, change); again != first || first.Data.Undoes != change {
		t.Errorf("%+v, then %+v", first, again)
	}
	if r := d.send("GET", "/api/gadgets/1", ""); r.status != 404 {
		t.Errorf("it is still there: %s", r.body)
	}
	if got := d.send("GET", "/api/changes/"+change, "").body; !strings.Contains(got, `"undoneBy":"`+first.Data.ChangeID) || !strings.Contains(got, `"undoable":false`) {
		t.Error(got)
	}
	undo(t, d, first.Data.ChangeID)
	if r := d.send("GET", "/api/gadgets/1", ""); r.status != 200 {
		t.Errorf("it is not back: %s", r.body)
	}
	list := d.send("GET", "/api/changes?operation=createGadget&subject=gadget&subjectId=1&principal=ops@example.com", "")
	if n := strings.Count(list.body, `"changeId"`); n != 3 || strings.Contains(list.body, `"after"`) {
		t.Errorf("%d changes: %s", n, list.body)
	}
	for _, filter := range []string{"operation=x", "subject=x", "subjectId=2", "principal=x"} {
		if r := d.send("GET", "/api/changes?"+filter, ""); strings.Contains(r.body, `"changeId"`) {
			t.Errorf("%s: %s", filter, r.body)
		}
	}
	var two struct{ Pagination api.Pagination }
	if err := json.Unmarshal([]byte(d.send("GET", "/api/changes?limit=2", "").body), &two); err != nil {
		t.Fatal(err)
	}
	if r := d.send("GET", "/api/changes?limit=2&cursor="+*two.Pagination.NextCursor, ""); strings.Count(r.body, `"changeId"`) != 1 || !strings.Contains(r.body, change) {
		t.Errorf("second page: %s", r.body)
	}
	if r := d.send("GET", "/api/changes.csv", ""); strings.Count(r.body, "\r\n") != 4 {
		t.Error(r.body)
	}
}

func TestUndosThatCannotBe(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	change := d.send("POST", "/api/gadgets", `{"name":"anvil"}`).header.Get("X-Change-Id")
	d.send("PUT", "/api/gadgets/1", `{"name":"hammer"}`)
	r := d.send("POST", "/api/changes/"+change+"/undo", "")
	if p := r.problem(t); r.status != 409 || p.Detail != "gadget 1 was changed or removed since" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := d.send("POST", "/api/changes/01990000-0000-7000-8000-000000000000/undo", ""); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
	var id fmt.Stringer
	err := d.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) (err error) {
		id, err = api.Record(ctx, tx, api.Change{Operation: "paintGadgets", Subject: "gadget"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r = d.send("POST", "/api/changes/"+id.String()+"/undo", "")
	if p := r.problem(t); r.status != 409 || !strings.Contains(p.Detail, "paintGadgets") || p.Remedy == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got := d.send("GET", "/api/changes/"+id.String(), "").body; !strings.Contains(got, `"principalKind":"system"`) || !strings.Contains(got, `"undoable":false`) {
		t.Error(got)
	}
}

func TestAChangeIsBounded(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for name, c := range map[string]api.Change{
		"state":  {Operation: "o", Subject: "s", After: strings.Repeat("x", 5<<20)},
		"things": {Operation: "o", Subject: "s", SubjectIDs: make([]string, 10_001)},
	} {
		err := d.db.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := api.Record(ctx, tx, c)
			return err
		})
		if errs.Kind(err) != "too_large" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
