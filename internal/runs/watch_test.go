package runs

import (
	"testing"
	"time"
)

func TestRateAndTimeLeftOfAStep(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	var m Meter
	for _, c := range []struct {
		name   string
		after  time.Duration
		run    Run
		rate   float64
		remain time.Duration
	}{
		{"a step that is seen first has none", 0, Run{Status: Running, Step: "roots", Done: 100, Total: 1000}, 0, 0},
		{"less than a second is chance", 900 * time.Millisecond, Run{Status: Running, Step: "roots", Done: 300, Total: 1000}, 0, 0},
		{"units since it was seen first", 2 * time.Second, Run{Status: Running, Step: "roots", Done: 500, Total: 1000}, 200, 2500 * time.Millisecond},
		{"nothing is left of an unknown total", 4 * time.Second, Run{Status: Running, Step: "roots", Done: 500}, 100, 0},
		{"another step begins anew", 5 * time.Second, Run{Status: Running, Step: "children", Done: 7, Total: 9}, 0, 0},
		{"one that begins again begins anew", 7 * time.Second, Run{Status: Running, Step: "children", Done: 1, Total: 9}, 0, 0},
		{"what has ended has none", 9 * time.Second, Run{Status: Completed, Step: "children", Done: 9, Total: 9}, 0, 0},
	} {
		if s := m.Look(c.run, at.Add(c.after)); s.Rate != c.rate || s.Left != c.remain {
			t.Errorf("%s: %v/s, %v left, want %v and %v", c.name, s.Rate, s.Left, c.rate, c.remain)
		}
	}
}
