package orderlookup

import (
	"slices"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestWhatAQueryMayMean(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query string
		names []string
		id    shop.ID
		email string
	}{
		"a name":                              {"#1001", []string{"#1001", "1001"}, 0, ""},
		"digits are a name and an id":         {"1001", []string{"#1001", "1001"}, 1001, ""},
		"digits too many for an id":           {"99999999999999999999", []string{"#99999999999999999999", "99999999999999999999"}, 0, ""},
		"a name with another prefix":          {"EN-1001", []string{"EN-1001"}, 0, ""},
		"a name with a space in it":           {"# 1001", []string{"# 1001", "#1001", "1001"}, 0, ""},
		"wide characters":                     {"　＃１００１　", []string{"#1001", "1001"}, 0, ""},
		"what stands around it in a list":     {"\t\"#1001\",\u200b", []string{"#1001", "1001"}, 0, ""},
		"a name in words":                     {"Order no. 1001", []string{"#1001", "1001", "Order no. 1001", "Orderno.1001"}, 0, ""},
		"a gid":                               {"gid://shopify/Order/5123", nil, 5123, ""},
		"a gid in another case":               {"GID://Shopify/order/5123", nil, 5123, ""},
		"a gid of something else":             {"gid://shopify/Product/5123", nil, 0, ""},
		"an address in the admin":             {"https://admin.shopify.com/store/brand/orders/5123?x=1", nil, 5123, ""},
		"an address of something else":        {"https://admin.shopify.com/store/brand/products/5123", nil, 0, ""},
		"a mail address":                      {" <Ann@Example.com> ", nil, 0, "Ann@Example.com"},
		"a mail address with wide characters": {"ann＠example．com", nil, 0, "ann@example.com"},
		"nonsense may be a name":              {"nonsense", []string{"nonsense"}, 0, ""},
		"a lone mark":                         {"#", []string{"#"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := read([]string{c.query})
			if err != nil {
				t.Fatal(err)
			}
			got := list[0]
			if !slices.Equal(got.names, c.names) || got.id != c.id || got.email != c.email {
				t.Errorf("it may mean %+v", got)
			}
		})
	}
}

func TestAnEmptyQueryIsAFaultInItsPlace(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"", "  \t", "\u200b", "\"\"", "\x00", " , "} {
		_, err := read([]string{"#1", empty})
		if err == nil || !slices.Contains([]string{"body.queries[1]: is empty: leave it out, or give an order's name, id or mail address"}, err.Error()) {
			t.Errorf("%q is answered %v", empty, err)
		}
	}
}

func TestAnAnswerStaysWithinAThousandOrders(t *testing.T) {
	t.Parallel()
	for queries, want := range map[int]int{1: 20, 50: 20, 51: 19, 100: 10, MaxQueries: 5} {
		if got := perQuery(queries); got != want || got*queries > maxOrders {
			t.Errorf("each of %d queries has %d orders, want %d", queries, got, want)
		}
	}
}
