package api_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func page(t *testing.T, r reply) (out api.List[gadget]) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &out); err != nil || r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return out
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("gadget %04d", i))
	}
	return list
}

func TestPagesGiveEachRowOnce(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	want := append(names(60), "twin", "twin", "twin") // equal names are told apart by id
	d.fill(want...)
	var got []string
	for path := "/api/gadgets?limit=7"; ; {
		p := page(t, d.send("GET", path, ""))
		if first := len(got) == 0; first != (p.Pagination.Total != nil) || first && *p.Pagination.Total != 63 {
			t.Errorf("total %v after %d", p.Pagination.Total, len(got))
		}
		for _, g := range p.Data {
			got = append(got, g.Name)
		}
		if p.Pagination.HasMore != (p.Pagination.NextCursor != nil) || p.Pagination.Limit != 7 {
			t.Fatalf("%+v", p.Pagination)
		}
		if !p.Pagination.HasMore {
			break
		}
		path = "/api/gadgets?limit=7&cursor=" + *p.Pagination.NextCursor
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAListThatIsEmptyIsNotNull(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	if r := d.send("GET", "/api/gadgets", ""); r.body != `{"data":[],"pagination":{"limit":50,"nextCursor":null,"hasMore":false,"total":0}}`+"\n" {
		t.Error(r.body)
	}
}

func TestACursorContinuesNoOtherList(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	d.fill(names(5)...)
	next := page(t, d.send("GET", "/api/gadgets?limit=2&name=gadget+0000&name=gadget+0001&name=gadget+0002", "")).Pagination.NextCursor
	for _, test := range []struct {
		name, path string
		status     int
	}{
		{"the same filters in another order", "/api/gadgets?name=gadget+0000&name=gadget+0001&name=gadget+0002&limit=3&cursor=", 200},
		{"another filter", "/api/gadgets?name=gadget+0001&cursor=", 400},
		{"no filter", "/api/gadgets?cursor=", 400},
		{"another list", "/api/changes?cursor=", 400},
	} {
		if r := d.send("GET", test.path+*next, ""); r.status != test.status {
			t.Errorf("%s: %d %s", test.name, r.status, r.body)
		}
	}
	if r := d.send("GET", "/api/gadgets?cursor="+(*next)[:len(*next)-3], ""); r.status != 400 {
		t.Errorf("a cursor that was cut: %d %s", r.status, r.body)
	}
}

func TestACSVHasAllRowsOfAList(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	want := append(names(2500), `=HYPERLINK("x")`, "+1", "-2", "-2b", "@a", "\tb", "＝c", "'d", `say "hi", twice`, "two\nlines\r\n", "plain")
	d.fill(want...)
	r := d.send("GET", "/api/gadgets.csv", "")
	day := shop.DayOf(time.Now(), must(time.LoadLocation("Pacific/Auckland")))
	if got := r.header.Get("Content-Disposition"); got != fmt.Sprintf("attachment; filename=%q", "brand-gadgets-"+string(day)+".csv") {
		t.Error(got)
	}
	text, marked := strings.CutPrefix(r.body, "\ufeff")
	if !marked {
		t.Error("no mark of UTF-8")
	}
	if !strings.HasPrefix(text, "version,gadgetId,name,price.amount,price.currency,day,madeAt,keywords\r\n") {
		t.Error(text[:100])
	}
	if !strings.Contains(text, "\"two\nlines\r\n\"") { // the library's reader would change it
		t.Error("line ends in a cell have changed")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows[1:] {
		got = append(got, api.Unguard(row[2]))
		if guarded := row[2]; strings.ContainsAny(guarded[:1], "=+@\t") || guarded == "-2b" {
			t.Errorf("a spreadsheet would run %q", guarded)
		}
		if row[3] != "12.30" || row[4] != "USD" || row[6] != "1970-01-01T00:00:01Z" {
			t.Fatalf("%q", row)
		}
	}
	slices.Sort(want)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "\r\n", "\n")
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestACSVTakesTheFiltersAndNoPage(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	d.fill(names(5)...)
	if r := d.send("GET", "/api/gadgets.csv?name="+url.QueryEscape("gadget 0003"), ""); strings.Count(r.body, "\r\n") != 2 {
		t.Error(r.body)
	}
	r := d.send("GET", "/api/gadgets.csv?limit=10&cursor=a", "")
	if p := r.problem(t); r.status != 422 || len(p.Errors) != 2 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestACSVThatIsCutIsSeenAsCut(t *testing.T) {
	t.Parallel()
	pages := 0
	d := open(t, func(context.Context, string) error {
		if pages++; pages == 2 {
			return errors.New("lost")
		}
		return nil
	})
	d.fill(names(1500)...)
	resp, err := http.Get(d.url + "/api/gadgets.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes and %v: nobody can see that rows are missing", len(body), err)
	}
}

func TestGuardIsUndone(t *testing.T) {
	t.Parallel()
	for text, guarded := range map[string]string{
		"": "", "a": "a", "=1+1": "'=1+1", "+1": "'+1", "-1": "-1", "-1.50": "-1.50", "-1-1": "'-1-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠1": "'＠1", "'": "''", "'=1": "''=1", "''": "'''", "12": "12",
	} {
		if got := api.Guard(text); got != guarded || api.Unguard(got) != text {
			t.Errorf("%q became %q and then %q", text, got, api.Unguard(got))
		}
	}
}
