package shop_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]shop.ID{
		"123":                                  123,
		"9223372036854775807":                  math.MaxInt64,
		"gid://shopify/Order/5123":             5123,
		"gid://shopify/InventoryItem/7?x=1":    7,
		"":                                     0,
		"0":                                    0,
		"-1":                                   0,
		"+1":                                   0,
		" 1":                                   0,
		"1e3":                                  0,
		"9223372036854775808":                  0,
		"gid://shopify/Order/":                 0,
		"gid://shopify/5123":                   0,
		"gid://shopify//5123":                  0,
		"gid://example/Order/5123":             0,
		"gid://shopify/Order/5123; DROP TABLE": 0,
		"gid://shopify/Order/99999999999999999999": 0,
	} {
		got, err := shop.ParseID(in)
		if got != want || (err != nil) != (want == 0) || err != nil && !errors.Is(err, errs.Invalid) {
			t.Errorf("ParseID(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
}

func TestAnIDIsAStringInJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]shop.ID{math.MaxInt64, 0})
	if err != nil || string(b) != `["9223372036854775807",null]` {
		t.Errorf("%s, %v", b, err)
	}
	var back []shop.ID
	if err := json.Unmarshal([]byte(`["9223372036854775807",null,"gid://shopify/Order/5"]`), &back); err != nil ||
		len(back) != 3 || back[0] != math.MaxInt64 || back[1] != 0 || back[2] != 5 {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`[5]`), &back); !errors.Is(err, errs.Invalid) {
		t.Errorf("a number: %v", err)
	}
	if got := shop.ID(5).GID("Order"); got != "gid://shopify/Order/5" {
		t.Error(got)
	}
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0.00", "7": "7.00", "12.3": "12.30", "12.30": "12.30", "0.0625": "0.0625", "0.001": "0.001",
		"-0.0500": "-0.05", "1000": "1000.00", "1.2500000": "1.25", "007": "7.00",
		"922337203685477.5807": "922337203685477.5807", "-922337203685477.5807": "-922337203685477.5807",
		"": "", "-": "", ".": "", ".5": "", "5.": "", "1.2.3": "", "1e2": "", "1,5": "", "+1": "", " 1": "", "1.00001": "",
		"922337203685477.5808": "", "999999999999999999999": "", "NaN": "", "Infinity": "", "٣": "",
	} {
		got, err := shop.ParseAmount(in)
		if want == "" {
			if !errors.Is(err, errs.Invalid) {
				t.Errorf("ParseAmount(%q) = %v, %v; want an error", in, got, err)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("ParseAmount(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
}

func TestAmountsTravelAsText(t *testing.T) {
	t.Parallel()
	m := shop.Money{Amount: 123_000, Currency: "USD"}
	b, err := json.Marshal(m)
	if err != nil || string(b) != `{"amount":"12.30","currency":"USD"}` {
		t.Errorf("%s, %v", b, err)
	}
	var back shop.Money
	if err := json.Unmarshal(b, &back); err != nil || back != m {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"amount":12.3}`), &back); !errors.Is(err, errs.Invalid) {
		t.Errorf("a float: %v", err)
	}
	var scanned shop.Amount
	if err := scanned.Scan("12.3000"); err != nil || scanned != m.Amount {
		t.Errorf("%v, %v", scanned, err)
	}
	if err := scanned.Scan(12.3); !errors.Is(err, errs.Corrupt) {
		t.Errorf("a float from the database: %v", err)
	}
	if v, err := m.Amount.Value(); err != nil || v != "12.30" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestTimesTellsOverflow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a    shop.Amount
		n    int64
		want shop.Amount
		ok   bool
	}{
		{25_500, 6, 153_000, true}, {-25_500, 6, -153_000, true}, {25_500, -6, -153_000, true}, {-5, -5, 25, true},
		{0, math.MaxInt64, 0, true}, {math.MaxInt64, 1, math.MaxInt64, true},
		{math.MaxInt64, 2, 0, false}, {1 << 62, 2, 0, false}, {math.MinInt64, 1, 0, false},
	} {
		if got, ok := test.a.Times(test.n); got != test.want || ok != test.ok {
			t.Errorf("%d × %d = %d, %v", test.a, test.n, got, ok)
		}
	}
}

func TestDaysAreTheShops(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, zone, instant, day, from, until string }{
		{"an ordinary day", "America/New_York", "2026-11-23T04:59:59Z", "2026-11-22", "2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z"},
		{"25 hours when summer ends", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"23 hours when it begins", "Europe/London", "2026-03-29T22:59:59Z", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"},
		{"midnight is skipped", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"half an hour off", "Asia/Kolkata", "2026-01-01T18:30:00Z", "2026-01-02", "2026-01-01T18:30:00Z", "2026-01-02T18:30:00Z"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, test.instant)
		day := shop.DayOf(at, zone)
		from, until, err := day.Bounds(zone)
		if string(day) != test.day || err != nil || from.Format(time.RFC3339) != test.from || until.Format(time.RFC3339) != test.until {
			t.Errorf("%s: %s from %s to %s, %v", test.name, day, from, until, err)
		}
		if at.Before(from) || !at.Before(until) {
			t.Errorf("%s: the instant lies outside its day", test.name)
		}
	}
	for _, bad := range []string{"", "2026-13-01", "2026-02-30", "22.11.2026", "2026-11-22T00:00:00Z"} {
		if _, err := shop.ParseDay(bad); !errors.Is(err, errs.Invalid) {
			t.Errorf("ParseDay(%q): %v", bad, err)
		}
		if _, _, err := shop.Day(bad).Bounds(time.UTC); !errors.Is(err, errs.Invalid) {
			t.Errorf("Bounds of %q: %v", bad, err)
		}
	}
	if d, err := shop.ParseDay("2026-11-22"); err != nil || d != "2026-11-22" {
		t.Errorf("%q, %v", d, err)
	}
}

func TestDaysFollowOneAnotherInEveryZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Amman", "Asia/Beirut",
		"Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran", "Australia/Lord_Howe", "Atlantic/Azores", "Pacific/Apia", "Pacific/Chatham"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2005, 1, 1, 12, 0, 0, 0, zone).UTC()
		_, next, err := shop.DayOf(at, zone).Bounds(zone)
		if err != nil {
			t.Fatal(err)
		}
		for next.Year() < 2030 {
			day := shop.DayOf(next, zone)
			from, until, err := day.Bounds(zone)
			if err != nil || !from.Equal(next) || !until.After(from) {
				t.Fatalf("%s: %s is from %s to %s (%v), and the day before ended at %s", name, day, from, until, err, next)
			}
			if first, last := shop.DayOf(from, zone), shop.DayOf(until.Add(-time.Second), zone); first != day || last != day {
				t.Fatalf("%s: %s begins in %s and ends in %s", name, day, first, last)
			}
			next = until
		}
	}
}
