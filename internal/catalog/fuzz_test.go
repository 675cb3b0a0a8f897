package catalog_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
)

// FuzzTags takes tags the way that they come, from a line of a file into the
// database: trimmed, once however they are capitalised, and the same again
// changes nothing.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{
		"summer\nwinter", " summer \nSUMMER\n", "Éclair\nÉCLAIR\néclair", "ß\nẞ\nSS", "σ\nς\nΣ", "İstanbul\nistanbul", "ſale\nsale\nSALE",
		"Tote Bag\ntote  bag", "\u00a0sale\u00a0\nsale", "e\u0301\n\u00e9", "🎁\n🎁", "a\nA\nb\nB\na", "=1+1\n'quoted'\n\"double\"", strings.Repeat("long ", 60),
	} {
		f.Add(seed)
	}
	d := pgtest.DB(f)
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.Marshal(map[string]any{
			"__typename": "Product", "id": "gid://shopify/Product/7", "title": "a", "handle": "a", "vendor": "a", "productType": "a",
			"status": "ACTIVE", "tags": strings.Split(text, "\n"), "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
			"publishedAt": nil, "featuredMedia": nil,
		})
		var p shop.Product
		if err != nil || jsonl.DecodeProduct(line, &p) != nil {
			t.Skip() // PostgreSQL can't hold it, and so it is refused: that is the decoder's own test
		}
		for i, tag := range p.Tags {
			if tag == "" || tag != strings.TrimSpace(tag) || slices.ContainsFunc(p.Tags[:i], func(other string) bool { return strings.EqualFold(tag, other) }) {
				t.Errorf("of %q is read %q", text, p.Tags)
			}
		}
		p.UpdatedAt = monday
		apply(t, d, shop.Product{ID: 7, Title: "none", Status: "ACTIVE", CreatedAt: monday, UpdatedAt: monday, Hash: p.Hash + 1})
		apply(t, d, p)
		// What is another case of a letter, PostgreSQL says: for it İ is one of i.
		var distinct int
		must(t, d.QueryRow(t.Context(), "SELECT count(DISTINCT lower(x)) FROM unnest($1::text[]) x", p.Tags).Scan(&distinct))
		stored := tagsOf(t, d, 7)
		if len(stored) != distinct {
			t.Errorf("of %q is stored %q", p.Tags, stored)
		}
		for i, tag := range p.Tags {
			p.Tags[i] = upper(tag)
		}
		if again := apply(t, d, p); again != (catalog.Changes{}) {
			t.Errorf("%q after %q changes %+v", p.Tags, stored, again)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// upper writes ASCII letters large: what else is a letter's other case is a
// matter of languages.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
