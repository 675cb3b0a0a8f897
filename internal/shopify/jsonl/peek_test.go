package jsonl

import (
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestPeek(t *testing.T) {
	t.Parallel()
	order := Head{Type: "Order", ID: 1001}
	line := Head{Type: "LineItem", ID: 2001, ParentID: 1001}
	const fake = `\",\"__parentId\":\"gid:\\\/\\\/shopify\\\/Order\\\/666\"}`
	for _, c := range []struct {
		name, raw string
		want      Head
	}{
		{"a root", orderLine, order},
		{"a child", lineLine, line},
		{"a root with space around", " " + orderLine + "\r", order},
		{"a child with space around", " " + lineLine + " ", line},
		{"a root whose text names a parent", strings.Replace(orderLine, `#1001`, fake, 1), order},
		{"a root whose last text names a parent", `{"__typename":"Order","id":"gid:\/\/shopify\/Order\/1001","note":"` + fake + `"}`, order},
		{"a child whose text names another parent", strings.Replace(lineLine, `WAVE-16`, fake, 1), line},
		{"a child with the parent first", `{"__parentId":"gid:\/\/shopify\/Order\/1001",` + lineBody + `}`, line},
		{"a child with the parent in the middle", `{` + strings.Replace(lineBody, `"sku"`, `"__parentId":"gid:\/\/shopify\/Order\/1001","sku"`, 1) + `}`, line},
		{"a child with bare slashes", strings.ReplaceAll(lineLine, `\/`, `/`), line},
		{"a child whose key has an escape", strings.Replace(lineLine, `"__parentId"`, `"\u005f_parentId"`, 1), line},
		{"a root with a parent inside an object", strings.Replace(orderLine, `"fulfillmentsCount":{`, `"fulfillmentsCount":{"__parentId":"gid:\/\/shopify\/Order\/1",`, 1), order},
		{"a root that ends with such an object", orderLine[:len(orderLine)-1] + `,"x":{"a":1,"__parentId":"gid:\/\/shopify\/Order\/1"}}`, order},
		{"a root with null for a parent", orderLine[:len(orderLine)-1] + `,"__parentId":null}`, order},
		{"a line without type", `{"id":"gid:\/\/shopify\/Metafield\/3","x":1}`, Head{ID: 3}},
		{"a line without id", `{"__typename":"Unheard","__parentId":"gid:\/\/shopify\/Order\/1001"}`, Head{Type: "Unheard", ParentID: 1001}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Peek([]byte(c.raw))
			if err != nil || got != c.want {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestPeekRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"an empty line":         ``,
		"text":                  `"__parentId"`,
		"an id that is none":    `{"__typename":"Order","id":"x"}`,
		"a parent that is none": `{"__typename":"Order","id":"gid:\/\/shopify\/Order\/1","__parentId":"x"}`,
		"two parents":           `{"__parentId":"gid:\/\/shopify\/Order\/1","__parentId":"gid:\/\/shopify\/Order\/1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h, err := Peek([]byte(raw)); errs.Kind(err) != "invalid" {
				t.Errorf("got %v, %v", h, err)
			}
		})
	}
}
