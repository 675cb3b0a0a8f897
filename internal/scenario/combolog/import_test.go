package combolog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/api/apitest"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/scenario/combolog"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// read imports a CSV and returns what its rows mean.
func (d desk) read(csv string) combolog.Import {
	d.Helper()
	r := d.Send("POST", logs+"/import", csv, "Content-Type: text/csv")
	started := apitest.Data[api.Start](r, http.StatusAccepted)
	if _, err := d.engine.Wait(d.Context(), started.RunID.String()); err != nil {
		d.Fatal(err)
	}
	return apitest.Data[combolog.Import](d.Send("GET", started.StatusURL, ""), 200)
}

func (d desk) confirm(run uuid.UUID, body string) apitest.Answer {
	d.Helper()
	return d.Send("POST", logs+"/imports/"+run.String()+"/confirm", body)
}

// row is a row of a CSV with the columns of [head].
const head = "type,audience,products,startedOn,outcome\n"

func row(products string) string {
	set := settings.Defaults()
	return fmt.Sprintf("%s,%s,%q,2026-03-01,\n", set.ComboTypes[0].Code, set.Audiences[0], products)
}

// TestAnExportIsImportedUnchanged whatever is in it.
func TestAnExportIsImportedUnchanged(t *testing.T) {
	t.Parallel()
	d := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "=1+1", "'=1+1", "'", "-5", "+5 units", "@all", "a,b;c", `say "moth"`, "two\nlines", "three\n\n\nlines", "\tTab", "Ünïcode 🦋 ＝x", "#123456", "1e5", "x | y"}
	roles := []string{"", "hero", "=hero", "-", "second hero, left", `"quoted"`}
	set := settings.Defaults()
	for i := range 60 {
		r := combo.Report{
			Type: set.ComboTypes[i%len(set.ComboTypes)].Code, Audience: set.Audiences[i%len(set.Audiences)], Source: combo.Manual,
			Details: combo.Details{StartedOn: shop.Day("2026-01-01").Plus(i), Channel: texts[random.IntN(8)], Notes: texts[i%len(texts)]},
		}
		for n, id := range []shop.ID{5, 1, 2, 3, 123456}[random.IntN(4):] {
			r.Products = append(r.Products, combo.Product{ProductID: id, Position: n + 1, Role: roles[random.IntN(len(roles))]})
		}
		if i%3 == 0 {
			end, spend, clicks, outcome := r.StartedOn.Plus(i), shop.Amount(random.Int64N(1e9)), random.Int64N(1e6), combo.Outcomes()[i%9/3]
			r.EndedOn, r.Spend, r.Clicks, r.Outcome = &end, &spend, &clicks, &outcome
		}
		if err := d.DB.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
			_, err := combo.Create(ctx, tx, r)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	before := apitest.One[string](d.Door, `SELECT string_agg(a::text, E'\n' ORDER BY artifact_id) FROM macrodata_artifact a`)
	csv := d.Send("GET", logs+"/export", "").Want(200).Body
	for _, variant := range []string{csv, strings.ReplaceAll(csv, "\r\n", "\n"), strings.TrimPrefix(csv, "\ufeff")} {
		i := d.read(variant)
		if i.Counts != (combolog.Counts{Rows: 60, Unchanged: 60}) {
			for _, r := range i.Rows {
				if r.Status != combolog.Unchanged {
					t.Errorf("row %d is %s: %+v %+v", r.Row, r.Status, r.Faults, r.Combo)
				}
			}
			t.Fatalf("of its own export it has %+v", i.Counts)
		}
		if w := apitest.Data[combolog.Written](d.confirm(i.RunID, ""), 200); w.Created+w.Changed != 0 || w.Unchanged != 60 || w.ChangeID != nil {
			t.Errorf("confirmed it wrote %+v", w)
		}
	}
	if after := apitest.One[string](d.Door, `SELECT string_agg(a::text, E'\n' ORDER BY artifact_id) FROM macrodata_artifact a`); after != before {
		t.Error("an import of what is there changed it")
	}
}

func TestProductsAreFoundByIDHandleTitleAndLikeness(t *testing.T) {
	t.Parallel()
	d := open(t)
	references := []struct{ written, by, id string }{
		{"1", "id", "1"}, {"gid://shopify/Product/2", "id", "2"}, {"Whatever it is called #123456", "id", "123456"},
		{"luna-moth-phone-case", "handle", "1"}, {"KOI-POND-WALLET-2", "handle", "4"},
		{"luna  MOTH phone case", "title", "1"}, {"Luna Moth Phone Cases", "likeness", "1"}, {"tiger lilly phone case", "likeness", "2"},
		{"Koi Pond Wallet", "none", "3 4"}, {"phone case", "none", "1 2 5"}, {"gid://shopify/Order/1", "none", ""}, {"Submarine", "none", ""}, {"777", "none", ""},
	}
	csv := head
	for _, r := range references {
		csv += row(r.written)
	}
	got := d.read(csv)
	for n, r := range references {
		m := got.Rows[n].Products[0]
		var ids []string
		if m.Product != nil {
			ids = append(ids, m.Product.ProductID.String())
		}
		for _, c := range m.Candidates {
			ids = append(ids, c.ProductID.String())
		}
		slices.Sort(ids)
		if m.By != r.by || strings.Join(ids, " ") != r.id {
			t.Errorf("%q is found by %s as %v, want by %s as %s", r.written, m.By, ids, r.by, r.id)
		}
		want := combolog.Valid
		if r.by == "none" {
			if want = combolog.Wrong; r.id != "" {
				want = combolog.Ambiguous
			}
		}
		if got.Rows[n].Status != want {
			t.Errorf("%q makes its row %s, want %s", r.written, got.Rows[n].Status, want)
		}
	}
}

func TestAmbiguousRowsAreWrittenAsChosen(t *testing.T) {
	t.Parallel()
	d := open(t)
	i := d.read(head + row("1") + row("2 | Koi Pond Wallet"))
	if i.Counts != (combolog.Counts{Rows: 2, Valid: 1, Ambiguous: 1}) {
		t.Fatalf("it has %+v", i.Counts)
	}
	for name, choices := range map[string]string{
		"none":                               `[]`,
		"one for a row without a choice":     `[{"row": 2, "product": 1, "productId": "3"}, {"row": 3, "product": 2, "productId": "3"}]`,
		"two for one product":                `[{"row": 3, "product": 2, "productId": "4"}, {"row": 3, "product": 2, "productId": "3"}]`,
		"a product that there is not":        `[{"row": 3, "product": 2, "productId": "99"}]`,
		"a product that the row has already": `[{"row": 3, "product": 2, "productId": "2"}]`,
	} {
		if r := d.confirm(i.RunID, `{"choices": `+choices+`}`); r.Status != 422 || d.combos() != 0 {
			t.Errorf("%s: %d %s, and %d combos", name, r.Status, r.Body, d.combos())
		}
	}
	choice := `{"choices": [{"row": 3, "product": 2, "productId": "4"}]}`
	r := d.confirm(i.RunID, choice)
	w := apitest.Data[combolog.Written](r, 200)
	if w.Created != 2 || w.Combos[1].Row != 3 || d.combos() != 2 || w.ConfirmedBy != apitest.Staff {
		t.Fatalf("it wrote %+v", w)
	}
	c := apitest.Data[combolog.Entry](d.Send("GET", logs+"/"+w.Combos[1].ComboID.String(), ""), 200)
	if c.Products[1].ProductID != 4 || c.Source != combo.Import {
		t.Errorf("the chosen one is %+v", c)
	}
	if again := d.confirm(i.RunID, ""); again.Body != r.Body || d.combos() != 2 {
		t.Errorf("confirmed again it is %s, was %s", again.Body, r.Body)
	}
	r.Undo().Want(200)
	if d.combos() != 0 {
		t.Errorf("its undo left %d combos", d.combos())
	}
}

func TestAWrongCSVIsReportedRowByRowAndWritesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	made := apitest.Data[combolog.Entry](d.Send("POST", logs, body("")), 201)
	set := settings.Defaults()
	first := fmt.Sprintf("%s,%s,", set.ComboTypes[0].Code, set.Audiences[0])
	i := d.read("identifier,type,audience,products,startedOn,endedOn,spend,clicks,outcome,roles\n" +
		"," + first + "1,2026-03-01,,,,,\n" +
		"XX-001," + first + "1,2026-03-01,,,,,\n" +
		",ZZ,NOBODY,1,2026-03-32,,,,,\n" +
		"," + first + "1 | 1,2026-03-01,2026-02-01,1.234.567,1.5,draw,hero\n" +
		made.Identifier + "," + first + "1 | 2,2026-03-01,,,,win,\n" +
		made.Identifier + "," + first + "1 | 2,2026-03-01,,,,lose,\n" +
		",,,,,,,,,\n" +
		",,,,,,,,,x\n")
	want := []string{
		"2 valid", "3 wrong identifier", "4 wrong type audience startedOn", "5 wrong products roles endedOn spend clicks outcome",
		"6 valid", "7 wrong identifier", "9 wrong type audience products roles startedOn",
	}
	for n, r := range i.Rows {
		got := fmt.Sprintf("%d %s", r.Row, r.Status)
		for _, f := range r.Faults {
			got += " " + f.Column
		}
		if n >= len(want) || got != want[n] {
			t.Errorf("row %d is %q: %+v", n, got, r.Faults)
		}
	}
	before := d.combos()
	r := d.confirm(i.RunID, "")
	var p api.Problem
	if r.Want(http.StatusConflict).JSON(&p); !strings.Contains(p.Remedy, i.RunID.String()) || d.combos() != before {
		t.Errorf("it is answered %s", r.Body)
	}
}

func TestFilesThatAreNoTableAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, c := range map[string]struct{ csv, says string }{
		"nothing":                   {" ", "names a column"},
		"a header alone":            {head, "no rows"},
		"a column that there's not": {"type,audience,products,startedOn,colour\n", "row 1, cell 5"},
		"a column twice":            {"type,audience,products,startedOn,Type\n", "the column type again"},
		"no column of products":     {"type,audience,startedOn\nSP,WOMEN,2026-03-01\n", "lacks the column products"},
		"a row with a cell more":    {head + row("1") + "SP,WOMEN,1,2026-03-01,,\n", "row 3 has 6 cells"},
		"quotes that don't pair":    {head + "SP,\"WOMEN,1,2026-03-01,\n", "row 2 can't be read"},
		"another encoding":          {head + "SP,WOMEN,H\xfclle,2026-03-01,\n", "UTF-8 from row 2"},
		"a NUL":                     {head + "SP,WOMEN,\x00,2026-03-01,\n", "UTF-8 from row 2"},
		"too many products":         {head + strings.Repeat(row(strings.Repeat("1|", 49)+"1"), 201), "row 202 names the 10001th product"},
		"too many rows":             {head + strings.Repeat("SP,WOMEN,1,2026-03-01,\n", 2001), "more than 2000 rows"},
	} {
		r := d.Send("POST", logs+"/import", c.csv, "Content-Type: text/csv")
		if r.Status != 422 || !strings.Contains(r.Body, c.says) {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	d.Send("POST", logs+"/import", head, "Content-Type: text/plain").Want(http.StatusUnsupportedMediaType)
	d.Send("POST", logs+"/import", "", "Content-Type: text/csv").Want(http.StatusBadRequest)
	d.Send("POST", logs+"/import", strings.Repeat("x", 1<<20+1), "Content-Type: text/csv").Want(http.StatusRequestEntityTooLarge)
	if n := apitest.One[int64](d.Door, `SELECT count(*) FROM combolog_import`); n != 0 {
		t.Errorf("%d files were kept", n)
	}
	if i := d.read(strings.ReplaceAll("\ufeff"+head+row("1"), ",", ";")); i.Counts.Valid != 1 {
		t.Errorf("with semicolons it has %+v", i.Counts)
	}
}

func TestTheLargestFileIsWrittenAndUndoneAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	i := d.read(head + strings.Repeat(row("luna-moth-phone-case | Tiger Lily Phone Case"), 2000))
	r := d.confirm(i.RunID, "")
	w := apitest.Data[combolog.Written](r, 200)
	if w.Created != 2000 || d.combos() != 2000 || !strings.HasSuffix(w.Combos[1999].Identifier, "-2000") {
		t.Fatalf("it wrote %d combos, the last %+v", w.Created, w.Combos[len(w.Combos)-1])
	}
	r.Undo().Want(200)
	if d.combos() != 0 {
		t.Errorf("its undo left %d combos", d.combos())
	}
}

func TestAnImportThatNoLongerFitsWritesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	made := d.Send("POST", logs, body(""))
	c := apitest.Data[combolog.Entry](made, 201)
	csv := "identifier,outcome\n" + c.Identifier + ",win\n"
	stale := d.read(csv)
	d.Send("PUT", made.Header.Get("Location"), body(`, "notes": "meanwhile"`)).Want(200)
	if r := d.confirm(stale.RunID, ""); r.Status != http.StatusConflict || !strings.Contains(r.Body, "row 2") {
		t.Errorf("of a combo that was changed: %d %s", r.Status, r.Body)
	}
	w := apitest.Data[combolog.Written](d.confirm(d.read(csv).RunID, ""), 200)
	got := apitest.Data[combolog.Entry](d.Send("GET", made.Header.Get("Location"), ""), 200)
	if w.Changed != 1 || got.Status != "win" || got.Notes != "meanwhile" || got.Products[0].Role != "hero" {
		t.Errorf("columns that are left out changed: %+v", got)
	}
	fresh := d.read(head + row("4"))
	d.Exec(`DELETE FROM product WHERE product_id = 4`)
	if r := d.confirm(fresh.RunID, ""); r.Status != 422 || !strings.Contains(r.Body, "row 2, products") {
		t.Errorf("of a product that is gone: %d %s", r.Status, r.Body)
	}
	d.confirm(uuid.New(), "").Want(http.StatusNotFound)
	d.Send("GET", logs+"/imports/"+uuid.NewString(), "").Want(http.StatusNotFound)
	if d.combos() != 1 {
		t.Errorf("there are %d combos", d.combos())
	}
}
