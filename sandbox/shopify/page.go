package shopify

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

const (
	maxPage       = 250    // objects of a page
	maxPagination = 25_000 // objects that can be reached by paging
)

// page is a connection's answer.
type page struct {
	edges          []edge
	next, previous bool
}

type edge struct {
	node   any
	cursor string
}

func (p *page) cursor(i int) string {
	if i < 0 || i >= len(p.edges) {
		return ""
	}
	return p.edges[i].cursor
}

// pageSize reads the argument first; 0 stands for none.
func pageSize(args map[string]any) (int, error) {
	n, given, err := integer(args["first"])
	if err != nil || !given {
		return 0, err
	}
	if n < 1 || n > maxPage {
		return 0, fmt.Errorf("first is %d, it must be from 1 to %d", n, maxPage)
	}
	return n, nil
}

// integer reads an Int that came from the document or from the variables.
func integer(v any) (n int, given bool, err error) {
	switch v := v.(type) {
	case nil:
		return 0, false, nil
	case int:
		return v, true, nil
	case int64:
		return int(v), true, nil
	case float64:
		return int(v), true, nil
	case json.Number:
		n, err := strconv.Atoi(v.String())
		return n, true, err
	}
	return 0, false, fmt.Errorf("%v is no integer", v)
}

// offsetCursor is the cursor of a nested connection: where its element stands.
func offsetCursor(i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"offset":%d}`, i))
}

func offsetAfter(args map[string]any) (int, error) {
	after, _ := args["after"].(string)
	if after == "" {
		return 0, nil
	}
	var cursor struct{ Offset *int }
	b, err := base64.StdEncoding.DecodeString(after)
	if err != nil || json.Unmarshal(b, &cursor) != nil || cursor.Offset == nil {
		return 0, errors.New("invalid cursor for current pagination sort")
	}
	return *cursor.Offset + 1, nil
}

// position is where a node stands in a sorted listing; as a cursor it also
// counts how many nodes came before.
type position struct {
	Key    int64   `json:"key"` // the sort key as a number
	ID     shop.ID `json:"id"`
	Number int     `json:"n"`
}

// compare orders by key, then id.
func (p position) compare(q position) int {
	switch {
	case p.Key < q.Key || p.Key == q.Key && p.ID < q.ID:
		return -1
	case p == q || p.Key == q.Key && p.ID == q.ID:
		return 0
	}
	return 1
}

func (p position) cursor() string {
	b, _ := json.Marshal(p) // of a struct of numbers
	return base64.StdEncoding.EncodeToString(b)
}

func positionAfter(args map[string]any) (p position, given bool, err error) {
	after, _ := args["after"].(string)
	if after == "" {
		return p, false, nil
	}
	b, err := base64.StdEncoding.DecodeString(after)
	if err != nil || json.Unmarshal(b, &p) != nil || p.Number == 0 {
		return p, false, errors.New("invalid cursor for current pagination sort")
	}
	return p, true, nil
}

func timeKey(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
