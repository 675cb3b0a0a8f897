package shopify

import (
	"testing"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestPagingEndsAfter25000Objects(t *testing.T) {
	t.Parallel()
	deletions := make([]Deletion, 100)
	for i := range deletions {
		deletions[i] = Deletion{SubjectID: shop.ID(i + 1), SubjectType: "ORDER"}
	}
	l := listing[Deletion]{
		all: func(yield func(*Deletion) bool) {
			for i := range deletions {
				if !yield(&deletions[i]) {
					return
				}
			}
		},
		id:  func(d *Deletion) shop.ID { return d.SubjectID },
		get: func(id shop.ID) any { return &deletions[id-1] },
	}
	for before, want := range map[int]bool{24_980: true, 24_990: false} {
		after := position{ID: 20, Number: before}.cursor()
		p, err := listPage(&request{}, map[string]any{"first": 10, "after": after}, l)
		if err != nil || len(p.edges) != 10 || p.next != want {
			t.Errorf("after %d objects: %d more, next %t, want %t (%v)", before, len(p.edges), p.next, want, err)
		}
	}
}

func TestPresentmentMoney(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		amount, currency string
		rate             int64
		want             string
	}{
		"the same currency":               {"12.34", "USD", 0, "12.34"},
		"two decimals, rounded half up":   {"10.50", "EUR", 921_430, "9.68"},
		"no decimals":                     {"10.00", "JPY", 149_550_000, "1496.00"},
		"three decimals":                  {"10.00", "KWD", 307_159, "3.072"},
		"what is negative stays negative": {"-10.50", "EUR", 921_430, "-9.68"},
	} {
		amount, err := shop.ParseAmount(tc.amount)
		if err != nil {
			t.Fatal(err)
		}
		o := &Order{PresentmentRate: tc.rate}
		o.PresentmentCurrency = tc.currency
		if got := o.Presentment(amount).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestTextIsEscapedAsJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Café 🌙 \u2028":   "\"Café 🌙 \u2028\"",
		`a"b\c/d`:         `"a\"b\\c\/d"`,
		"tab\tnl\n\x00":   `"tab\tnl\n\u0000"`,
		"broken \xff end": `"broken \ufffd end"`,
	} {
		w := &writer{slashes: true}
		if w.text(text); string(w.b) != want {
			t.Errorf("%q is written %s, want %s", text, w.b, want)
		}
	}
}
