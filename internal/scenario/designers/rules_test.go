package designers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestALineIsSharedOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount int64 // in ten-thousandths
		want   []int64
	}{
		"one designer gets all of it":                             {123_456, []int64{123_456}},
		"two designers get halves":                                {100_000, []int64{50_000, 50_000}},
		"one unit among two makes halves":                         {10_000, []int64{5_000, 5_000}},
		"one unit among three leaves a rest for the first":        {10_000, []int64{3_334, 3_333, 3_333}},
		"a ten-thousandth among three goes to the first":          {1, []int64{1, 0, 0}},
		"two ten-thousandths among three go to the first two":     {2, []int64{1, 1, 0}},
		"more refunded than sold is shared out likewise":          {-20_000, []int64{-6_667, -6_667, -6_666}},
		"a ten-thousandth less than nothing goes to the first":    {-1, []int64{-1, 0, 0}},
		"nothing is nothing for all":                              {0, []int64{0, 0, 0}},
		"the most that an amount can be is shared out to the end": {1<<63 - 1, []int64{1 << 62, 1<<62 - 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := int64(len(c.want))
			for i, want := range c.want {
				if got := part(c.amount, 1, c.amount%k, len(c.want), i); got != want {
					t.Errorf("designer %d of %d gets %d, want %d", i, k, got, want)
				}
			}
		})
	}
}

// TestPartsOfManyLines: lines of the same rest may be shared out together.
func TestPartsOfManyLines(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(10, 1))
	for range 500 {
		designers := 1 + random.IntN(7)
		type sum struct{ lines, total int64 }
		together := map[int64]sum{}
		want := make([]int64, designers)
		for range random.IntN(40) {
			n := random.Int64N(2_000) - 500
			for i := range want {
				want[i] += part(n, 1, n%int64(designers), designers, i)
			}
			s := together[n%int64(designers)]
			together[n%int64(designers)] = sum{s.lines + 1, s.total + n}
		}
		got := make([]int64, designers)
		for rest, s := range together {
			for i := range got {
				got[i] += part(s.total, s.lines, rest, designers, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("together %d designers get %v, and line by line %v", designers, got, want)
		}
	}
}

func TestEachDesignerOfALineGetsAPart(t *testing.T) {
	t.Parallel()
	got := attribute([][]int{{0, 2}, {1}}, []bundle{
		{team: 1, currency: "USD", units: true, lines: 1, rest: 0, total: 10_000},
		{team: 1, currency: "USD", lines: 1, rest: 1, total: 123_457},
		{team: 2, currency: "EUR", lines: 2, rest: 0, total: -700},
		{team: 0, currency: "USD", units: true, lines: 3, total: 40_000},
		{team: 0, currency: "USD", lines: 3, total: 5},
	})
	want := map[place]sold{
		{0, "USD"}: {5_000, 61_729}, {2, "USD"}: {5_000, 61_728}, {1, "EUR"}: {0, -700}, {nobody, "USD"}: {40_000, 5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("they get %v, want %v", got, want)
	}
	if attributed, rest := whole(got, "USD"); attributed != (sold{10_000, 123_457}) || rest != (sold{40_000, 5}) {
		t.Errorf("in all %v are attributed and %v are not", attributed, rest)
	}
	if list := currencies(got, "USD"); !slices.Equal(list, []string{"USD", "EUR"}) {
		t.Errorf("the currencies are %v", list)
	}
	if s := figures(sold{3_334, 25}, sold{0, 100}, "USD"); fmt.Sprint(s.Units, s.NetSales, *s.Share) != "0.3334 {0.0025 USD} 0.25" {
		t.Errorf("figures are %+v", s)
	}
}
