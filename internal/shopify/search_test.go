package shopify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
	sandbox "github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func TestWindow(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 20, 19, 0, 0, 5, time.FixedZone("", -5*3600))
	for name, test := range map[string]struct {
		since, until time.Time
		want         string
	}{
		"both ends, in UTC and whole seconds": {since, noon, "updated_at:>='2026-11-21T00:00:00Z' AND updated_at:<'2026-11-22T12:00:00Z'"},
		"an open end":                         {since, time.Time{}, "updated_at:>='2026-11-21T00:00:00Z'"},
		"an open start":                       {time.Time{}, noon, "updated_at:<'2026-11-22T12:00:00Z'"},
		"everything":                          {},
	} {
		if got := Window(test.since, test.until); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := orderShelf(20)
	_, c := simulator(t, s, nil)
	for filter, want := range map[string]Counts{
		"": {20, 0},
		// The 10th order was updated exactly at the start, the 5th at the end.
		Window(noon.Add(-10*time.Minute), noon.Add(-5*time.Minute)): {5, 0},
	} {
		if n, err := c.Counts(t.Context(), filter, ""); err != nil || n != want {
			t.Errorf("%q: %v, %v, want %v", filter, n, err, want)
		}
	}
	_, err := c.Counts(t.Context(), "changed_at:>2026", "")
	if errs.Kind(err) != "invalid" || !strings.Contains(err.Error(), "changed_at") {
		t.Errorf("error is %v, want an invalid that names the ignored term", err)
	}
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	for i := range 600 {
		kind := "ORDER"
		if i%3 == 0 {
			kind = "PRODUCT"
		}
		s.deletions = append(s.deletions, sandbox.Deletion{SubjectID: shop.ID(i + 1), SubjectType: kind, At: noon.Add(time.Duration(i-600) * time.Minute)})
	}
	_, c := simulator(t, s, nil)
	since, n := noon.Add(-590*time.Minute), 0
	last := since
	for d, err := range c.Deletions(t.Context(), since, "ORDER") {
		if err != nil {
			t.Fatal(err)
		}
		if d.ID%3 == 1 || d.At.Before(last) {
			t.Fatalf("deletion %+v: want orders only, oldest first", d)
		}
		last = d.At
		n++
	}
	if n != 394 {
		t.Errorf("%d deletions, want the 394 of orders since then", n)
	}
	for range c.Deletions(t.Context(), since, "ORDER") {
		break // leaving early must not panic
	}
}

// A list of Shopify ends at 25,000 entries without a word.
func TestDeletionsBeyondTheEndOfAList(t *testing.T) {
	t.Parallel()
	const total = 25_500
	first := noon.Add(-total * time.Second)
	c, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Variables struct{ Query, After string }
		}
		json.NewDecoder(r.Body).Decode(&req)
		_, quoted, _ := strings.Cut(req.Variables.Query, ">='")
		since, _ := time.Parse(time.RFC3339, strings.TrimSuffix(quoted, "'"))
		base := int(since.Sub(first) / time.Second)
		var read int
		fmt.Sscan(req.Variables.After, &read)
		var nodes []string
		for i := base + read; i < min(base+read+deletionsPage, total); i++ {
			nodes = append(nodes, fmt.Sprintf(`{"action":"destroy","createdAt":%q,"subjectId":"gid://shopify/Order/%d","subjectType":"ORDER"}`,
				first.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i+1))
		}
		read += len(nodes)
		fmt.Fprintf(w, `{"data":{"events":{"nodes":[%s],"pageInfo":{"hasNextPage":%v,"endCursor":"%d"}}}}`,
			strings.Join(nodes, ","), read < 25_000 && base+read < total, read)
	}), quick)
	seen := make(map[shop.ID]bool, total)
	for d, err := range c.Deletions(t.Context(), first, "ORDER") {
		if err != nil {
			t.Fatal(err)
		}
		seen[d.ID] = true
	}
	if len(seen) != total {
		t.Errorf("%d deletions, want all %d", len(seen), total)
	}
}
