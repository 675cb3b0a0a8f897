package bulk

import (
	"testing"
	"time"
)

func TestHalvesOfAWindow(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(1_750_000_000+int64(s), 0).UTC() }
	for _, c := range []struct {
		name   string
		window Window
		middle time.Time // zero: it can't be split
	}{
		{"two seconds have a middle", Window{at(0), at(2)}, at(1)},
		{"an odd number is cut to the second", Window{at(0), at(5)}, at(2)},
		{"one second can't be split", Window{at(0), at(1)}, time.Time{}},
		{"an empty window can't be split", Window{at(0), at(0)}, time.Time{}},
		{"a window without a beginning begins with Shopify", Window{time.Time{}, Beginning.Add(10 * time.Second)}, Beginning.Add(5 * time.Second)},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second, ok := c.window.halves()
			if ok == c.middle.IsZero() {
				t.Fatalf("split: %v", ok)
			}
			if ok && (first != Window{c.window.Since, c.middle} || second != Window{c.middle, c.window.Until}) {
				t.Errorf("halves are %v and %v", first, second)
			}
		})
	}
}
