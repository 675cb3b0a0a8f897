package shop_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// written is how Shopify writes an id: plainly, or as a gid with or without a
// query.
var written = regexp.MustCompile(`(?s)^(?:gid://shopify/[^/]+/[0-9]+(?:\?.*)?|[0-9]+)$`)

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{
		"123", "0", "-1", "+1", "9223372036854775807", "9223372036854775808", "00012", "1_000", "0x10", "１２３",
		"gid://shopify/Order/5123", "gid://shopify/InventoryItem/7?x=1", "gid://shopify/Order/", "gid://shopify//5", "gid://shopify/Order/5/6",
		"gid://shopify/Order/5\n", "GID://shopify/Order/5", "gid://shopify/Order/5?", "gid:\\/\\/shopify\\/Order\\/5",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := shop.ParseID(s)
		if err != nil {
			if id != 0 || !errors.Is(err, errs.Invalid) {
				t.Errorf("ParseID(%q) = %d, %v", s, id, err)
			}
			return
		}
		if id <= 0 || !written.MatchString(s) {
			t.Errorf("ParseID(%q) = %d", s, id)
		}
		for _, again := range []string{id.String(), id.GID("Order")} {
			if got, err := shop.ParseID(again); got != id || err != nil {
				t.Errorf("ParseID(%q) = %d, %v; %q is %d", again, got, err, s, id)
			}
		}
		var back shop.ID
		text, err := json.Marshal(id)
		if err != nil || json.Unmarshal(text, &back) != nil || back != id {
			t.Errorf("%d comes back from JSON as %d: %s, %v", id, back, text, err)
		}
	})
}
