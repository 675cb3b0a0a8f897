package performance

import (
	"slices"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// today is the day as of which the cases are.
const today day = 20_000

// thing is an old, active product that sells nothing, changed.
func thing(change func(*measured)) measured {
	p := measured{id: 1, published: today - 400, isPublished: true}
	p.active, p.known = true, [2]bool{true, true}
	change(&p)
	return p
}

// begun has a first sale so many days before today.
func begun(days day, first7Days, first14Days int64) func(*measured) {
	return func(p *measured) {
		p.firstSale, p.hasFirstSale = today-days, true
		p.units[first7], p.units[first14], p.units[total] = first7Days, first14Days, first14Days
	}
}

func TestTiersOfAProduct(t *testing.T) {
	t.Parallel()
	byUnits := artifact.DefaultSpec()
	byUnits.BananaCount = 0 // they need others to be compared with
	byMoney := byUnits
	byMoney.Measure = artifact.NetSales
	for name, c := range map[string]struct {
		spec artifact.Spec
		p    measured
		want flags
	}{
		"10 units in the first 7 days make a top riser":         {byUnits, thing(begun(10, 10, 10)), topRiser},
		"9 in the first 7 and 14 in the first 14 days don't":    {byUnits, thing(begun(20, 9, 14)), 0},
		"15 in the first 14 days do":                            {byUnits, thing(begun(20, 0, 15)), topRiser},
		"sold first today":                                      {byUnits, thing(begun(0, 10, 10)), topRiser},
		"sold first 30 days ago is new enough":                  {byUnits, thing(begun(30, 10, 10)), topRiser},
		"sold first 31 days ago is not":                         {byUnits, thing(begun(31, 10, 10)), 0},
		"no first sale day is known yet, so it is no top riser": {byUnits, thing(func(p *measured) { begun(3, 99, 99)(p); p.hasFirstSale = false }), 0},
		"first days that are not known count for nothing":       {byUnits, thing(func(p *measured) { begun(3, 99, 99)(p); p.known = [2]bool{} }), 0},
		"20 units in the last 30 days make a winner":            {byUnits, thing(func(p *measured) { p.units[last30] = 20 }), winner},
		"19 don't":                     {byUnits, thing(func(p *measured) { p.units[last30] = 19 }), 0},
		"a winner needs not be active": {byUnits, thing(func(p *measured) { p.units[last30], p.active = 20, false }), winner},
		"inactive without sales is a candidate for the archive":  {byUnits, thing(func(p *measured) { p.active = false }), archiveCandidate},
		"one sale in 30 days keeps it":                           {byUnits, thing(func(p *measured) { p.active, p.units[last30] = false, 1 }), 0},
		"never published is no candidate":                        {byUnits, thing(func(p *measured) { p.active, p.isPublished = false, false }), 0},
		"not published now, but sold: it was published once":     {byUnits, thing(func(p *measured) { p.active, p.isPublished, p.units[total] = false, false, 1 }), archiveCandidate},
		"active without sales is none":                           {byUnits, thing(func(*measured) {}), 0},
		"a top riser may be a winner, too":                       {byUnits, thing(func(p *measured) { begun(5, 30, 30)(p); p.units[last30] = 30 }), topRiser | winner},
		"a riser that was taken off has no sales but is a riser": {byUnits, thing(func(p *measured) { begun(30, 10, 10)(p); p.active = false }), topRiser | archiveCandidate},
		"20.00 of net sales make a winner by money":              {byMoney, thing(func(p *measured) { p.net[last30] = 20 * shop.AmountScale }), winner},
		"19.9999 don't":              {byMoney, thing(func(p *measured) { p.net[last30] = 20*shop.AmountScale - 1 }), 0},
		"units don't count by money": {byMoney, thing(begun(3, 99, 99)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := classify(c.spec, today, []measured{c.p})[0]; got != c.want {
				t.Errorf("its tiers are %v, want %v", got.names(), c.want.names())
			}
		})
	}
}

func TestPrimaryTier(t *testing.T) {
	t.Parallel()
	for f, want := range map[flags]string{
		topRiser | winner | archiveCandidate | banana: TopRiser, winner | archiveCandidate | banana: Winner,
		archiveCandidate | banana: ArchiveCandidate, banana: Banana, 0: None,
	} {
		if got := f.primary(); got != want {
			t.Errorf("of %v the first is %s, want %s", f.names(), got, want)
		}
	}
}

// TestBananas: who of several products sold least.
func TestBananas(t *testing.T) {
	t.Parallel()
	old := func(id shop.ID, units int64) measured {
		return thing(func(p *measured) { p.id, p.units[total], p.net[total] = id, units, shop.Amount(100-units) })
	}
	with := func(p measured, change func(*measured)) measured { change(&p); return p }
	for name, c := range map[string]struct {
		count    int64
		measure  string
		products []measured
		want     []shop.ID
	}{
		"those that sold least":               {2, artifact.Units, []measured{old(1, 5), old(2, 1), old(3, 3)}, []shop.ID{2, 3}},
		"ties go by product id":               {2, artifact.Units, []measured{old(1, 0), old(2, 0), old(3, 0)}, []shop.ID{1, 2}},
		"fewer products than bananas":         {25, artifact.Units, []measured{old(1, 5), old(2, 1)}, []shop.ID{1, 2}},
		"no bananas are wanted":               {0, artifact.Units, []measured{old(1, 0)}, nil},
		"by money the order may be another":   {1, artifact.NetSales, []measured{old(1, 5), old(2, 1), old(3, 3)}, []shop.ID{1}},
		"inactive ones are left out":          {1, artifact.Units, []measured{with(old(1, 0), func(p *measured) { p.active = false }), old(2, 9)}, []shop.ID{2}},
		"published 30 days ago is too young":  {1, artifact.Units, []measured{with(old(1, 0), func(p *measured) { p.published = today - 30 }), old(2, 9)}, []shop.ID{2}},
		"published 31 days ago is not":        {1, artifact.Units, []measured{with(old(1, 0), func(p *measured) { p.published = today - 31 }), old(2, 9)}, []shop.ID{1}},
		"more refunded than sold comes first": {1, artifact.NetSales, []measured{old(1, 99), with(old(2, 1), func(p *measured) { p.net[total] = -5 })}, []shop.ID{2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := artifact.DefaultSpec()
			spec.BananaCount, spec.Measure = c.count, c.measure
			var got []shop.ID
			for i, f := range classify(spec, today, c.products) {
				if f&banana != 0 {
					got = append(got, c.products[i].id)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("bananas are %v, want %v", got, c.want)
			}
		})
	}
}

func TestTrend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last7, last14 int64
		want          string
	}{
		"more than in the 7 days before": {6, 11, Rising},
		"less than in the 7 days before": {5, 11, Falling},
		"as many":                        {5, 10, Steady},
		"nothing at all":                 {0, 0, Steady},
	} {
		m := measures{}
		m.units[last7], m.units[last14] = c.last7, c.last14
		if got := trend(artifact.DefaultSpec(), &m); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestEveryOrderNamesItsMeasure(t *testing.T) {
	t.Parallel()
	for _, by := range Orders() {
		for w, name := range windowNames() {
			ends := len(by) > len(name) && by[len(by)-len(name)+1:] == name[1:]
			if measure := by[:max(0, len(by)-len(name))]; ends && windowOf(by, measure) != w {
				t.Errorf("%s is window %d, want %d", by, windowOf(by, measure), w)
			}
		}
	}
}
