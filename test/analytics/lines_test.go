package analytics_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

// Staff filter metrics by product line: by the rules in force, for products that
// came before the rules and after them.
func TestMetricsFollowTheRulesOfProductLines(t *testing.T) {
	t.Parallel()
	w := open(t, generated(t), anchor)
	w.sync(bulksync.Full)
	inLine := func(when string, titles string) {
		t.Helper()
		want, got := 0, []struct{ ProductLine string }{}
		must(t, w.look.QueryRow(t.Context(), `SELECT count(*) FROM product WHERE title ILIKE $1`, titles).Scan(&want))
		w.send(http.MethodGet, "/api/performance-metrics?limit=500&productLine=IPH", nil, &struct{ Data any }{&got}, http.StatusOK)
		if titles != "" && want == 0 {
			t.Fatalf("no product's title is like %s", titles)
		}
		if len(got) != want {
			t.Errorf("%s: %d products are in the line, and %d should be", when, len(got), want)
		}
	}
	inLine("without rules", "")
	var set struct {
		Data object
		Meta struct{ ChangeID uuid.UUID }
	}
	w.send(http.MethodGet, "/api/settings", nil, &set, http.StatusOK)
	delete(set.Data, "version")
	delete(set.Data, "updatedAt")
	set.Data["productLines"] = []object{{"code": "IPH", "match": object{"titleContains": "iPhone"}}}
	w.send(http.MethodPut, "/api/settings", set.Data, &set, http.StatusOK)
	inLine("with rules", "%iphone%")
	if n := len(set.Data["productLines"].([]any)); n != 1 {
		t.Fatalf("%d rules are in force", n)
	}
	w.exec(`UPDATE product SET product_line = 'OLD', content_hash = 0`) // so that the next sync writes them anew
	w.now.Add(int64(time.Hour / time.Second))
	w.sync(bulksync.Full)
	inLine("after a sync", "%iphone%")
	var change uuid.UUID
	must(t, w.look.QueryRow(t.Context(), `SELECT change_id FROM change WHERE operation = 'replaceSettings'`).Scan(&change))
	w.send(http.MethodPost, fmt.Sprintf("/api/changes/%s/undo", change), nil, nil, http.StatusOK)
	inLine("after undo", "")
}
