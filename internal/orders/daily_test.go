package orders

import (
	"slices"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestDaysThatHoursOverlap(t *testing.T) {
	t.Parallel()
	utc, quarters := time.UTC, time.FixedZone("", 5*3600+45*60)
	havana, err := time.LoadLocation("America/Havana")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		zone  *time.Location
		hours []string
		limit int
		days  []shop.Day
		taken int
	}{
		{"none", utc, nil, 5, nil, 0},
		{"hours of one day", utc, []string{"02T00", "02T01", "02T23"}, 5, []shop.Day{"2024-11-02"}, 3},
		{"an hour that midnight is in", quarters, []string{"02T18"}, 5, []shop.Day{"2024-11-02", "2024-11-03"}, 1},
		{"what is beyond the limit is left", utc, []string{"02T00", "03T00", "03T01", "04T00"}, 2, []shop.Day{"2024-11-02", "2024-11-03"}, 3},
		{"an hour whose second day is beyond the limit is left whole", quarters, []string{"02T17", "02T18"}, 1, []shop.Day{"2024-11-02"}, 1},
		{"clocks that are set back to midnight", havana, []string{"03T03", "03T04", "03T05", "03T06"}, 5, []shop.Day{"2024-11-02", "2024-11-03"}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var hours []time.Time
			for _, h := range c.hours {
				at, err := time.Parse("2006-01-02T15", "2024-11-"+h)
				if err != nil {
					t.Fatal(err)
				}
				hours = append(hours, at)
			}
			days, taken := overlapped(hours, c.zone, c.limit)
			if !slices.Equal(days, c.days) || taken != c.taken {
				t.Errorf("%d hours overlap %v, want %d and %v", taken, days, c.taken, c.days)
			}
		})
	}
}
