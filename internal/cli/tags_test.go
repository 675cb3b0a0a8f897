package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

// taggedShop is a shop with a few tags and a group of them.
const taggedShop = `
INSERT INTO shop (shop_id, domain, name, currency, time_zone) VALUES (1, 'brand.myshopify.com', 'Brand', 'USD', 'UTC');
INSERT INTO product_tag (tag_id, name, category, first_seen_at) OVERRIDING SYSTEM VALUE VALUES
	(1, 'Luna Moth', NULL, '2026-10-01T00:00:00Z'), (2, 'Season: Fall', NULL, '2026-10-01T00:00:00Z'), (3, 'Owl', 'design', '2026-10-01T00:00:00Z');
INSERT INTO product (product_id, title, handle, vendor, product_type, status, created_at, source_updated_at, content_hash, run_id)
	VALUES (1, 'p', 'p', '', '', 'ACTIVE', now(), now(), 0, gen_random_uuid());
INSERT INTO link_product_product_tag VALUES (1, 1), (1, 3);
INSERT INTO product_category (category_id, name, category, description, version, created_by, created_at, updated_by, updated_at) VALUES
	('01900000-0000-7000-8000-000000000001', 'Birds', 'design', 'all that fly', 1, 'a', '2026-10-01T00:00:00Z', 'b', '2026-10-02T00:00:00Z');
INSERT INTO link_product_category_product_tag VALUES ('01900000-0000-7000-8000-000000000001', 3);`

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func TestTags(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, pg.Config{URL: url, MaxConns: 1})
	if _, err := db.Exec(t.Context(), taggedShop); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MACRODATA_DATABASE_URL=" + url}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.csv", "\ufeffTag,Category\nluna moth,Design\n\"Season: Fall\",season\nowl,design\n")
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"tags", []string{"tags"}, done},
		{"tags-json", []string{"tags", "--json"}, done},
		{"tags-groups", []string{"tags", "groups"}, done},
		{"tags-groups-json", []string{"tags", "groups", "--json"}, done},
		{"tags-wrong", []string{"tags", "classify", file("wrong.csv", "luna moth,design\nmothra,design\n\nowl,colour\n")}, misuse},
		{"tags-three", []string{"tags", "classify", file("three.csv", "luna moth,design,yes\n")}, misuse},
		{"tags-dry", []string{"tags", "classify", "--dry-run", good}, done},
		{"tags-classify-json", []string{"tags", "classify", good, "--json"}, done},
		{"tags-again", []string{"tags", "classify", good}, done},
		{"tags-none", []string{"tags", "--json"}, done},
		{"tags-help", []string{"tags", "--help"}, done},
	} {
		got := run(environ, c.args...).want(t, c.code)
		text := strings.ReplaceAll(got.stdout+got.stderr, dir+string(filepath.Separator), "")
		if strings.HasPrefix(c.name, "tags-classify") {
			text = anyUUID.ReplaceAllString(text, "CHANGE")
		}
		golden(t, c.name, text)
	}
}
