package workflow_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/workflow"
	"github.com/macrodata-dev/macrodata/test/proof"
)

func TestDue(t *testing.T) {
	t.Parallel()
	const daily, minutely = "0 6 * * *", "* * * * *"
	for name, c := range map[string]struct {
		spec, last, now string
		want            string // "" where none is due
	}{
		"before the time nothing is due":              {daily, "2026-11-20 06:00", "2026-11-21 05:59", ""},
		"at the time it is":                           {daily, "2026-11-20 06:00", "2026-11-21 06:00", "2026-11-21 06:00"},
		"a minute later, once it was started, not":    {daily, "2026-11-21 06:00", "2026-11-21 06:01", ""},
		"a schedule that was just seen begins later":  {daily, "2026-11-21 06:00", "2026-11-21 06:00", ""},
		"seconds after the time it is still due":      {daily, "2026-11-20 23:59", "2026-11-21 06:00", "2026-11-21 06:00"},
		"an hour ahead, the time comes early":         {daily, "2026-11-20 06:00", "2026-11-21 06:30", "2026-11-21 06:00"},
		"an hour back again, it doesn't come twice":   {daily, "2026-11-21 06:00", "2026-11-21 05:30", ""},
		"and nor when it comes for the second time":   {daily, "2026-11-21 06:00", "2026-11-21 06:00", ""},
		"every minute, an hour ahead, is one slot":    {minutely, "2026-11-21 06:00", "2026-11-21 07:00", "2026-11-21 07:00"},
		"every minute, an hour back, is none":         {minutely, "2026-11-21 07:00", "2026-11-21 06:00", ""},
		"the first minute after that is one":          {minutely, "2026-11-21 07:00", "2026-11-21 07:01", "2026-11-21 07:01"},
		"400 days ahead, the newest counts":           {daily, "2026-11-21 06:00", "2027-12-26 05:59", "2027-12-25 06:00"},
		"400 days ahead, every minute":                {minutely, "2026-11-21 06:00", "2027-12-26 06:00", "2027-12-26 06:00"},
		"400 days ahead, a month long ago":            {"30 4 1 2 *", "2026-11-21 06:00", "2027-12-26 06:00", "2027-02-01 04:30"},
		"400 days back":                               {daily, "2027-12-26 06:00", "2026-11-21 06:00", ""},
		"a leap day":                                  {"0 6 29 2 *", "2024-02-29 06:00", "2028-02-29 06:00", "2028-02-29 06:00"},
		"the day before it":                           {"0 6 29 2 *", "2024-02-29 06:00", "2028-02-28 23:59", ""},
		"a leap day is a day like others":             {daily, "2028-02-28 06:00", "2028-02-29 06:00", "2028-02-29 06:00"},
		"a year without one":                          {daily, "2027-02-28 06:00", "2027-03-01 06:00", "2027-03-01 06:00"},
		"the 31st, in a month of 30 days":             {"0 6 31 * *", "2026-10-31 06:00", "2026-12-01 06:00", ""},
		"the 31st":                                    {"0 6 31 * *", "2026-10-31 06:00", "2027-01-01 00:00", "2026-12-31 06:00"},
		"midnight between two years":                  {"0 0 * * *", "2026-12-31 23:59", "2027-01-01 00:00", "2027-01-01 00:00"},
		"the hour that New York skips in spring":      {"30 7 * * *", "2027-03-13 07:30", "2027-03-14 07:30", "2027-03-14 07:30"},
		"the hour that it has twice in autumn":        {"30 5 * * *", "2027-11-07 05:30", "2027-11-07 06:30", ""},
		"on Mondays":                                  {"0 6 * * 1", "2026-11-16 06:00", "2026-11-25 06:00", "2026-11-23 06:00"},
		"every quarter of an hour":                    {"*/15 * * * *", "2026-11-21 06:00", "2026-11-21 06:44", "2026-11-21 06:30"},
		"slots that the past has and the future none": {"0 6 * 1 *", "2026-01-31 06:00", "2026-12-31 06:00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A process looks at any second of the minute.
			slot, ok, err := workflow.Due(c.spec, at(t, c.last), at(t, c.now).Add(30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if ok != (c.want != "") || ok && !slot.Equal(at(t, c.want)) {
				t.Errorf("due %v %v, want %q", slot, ok, c.want)
			}
		})
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestDueLosesNoSlotAndDoublesNone looks at a schedule by a clock that goes on
// by minutes and at times jumps. Of each stretch without a jump all slots are
// due, each once.
func TestDueLosesNoSlotAndDoublesNone(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"* * * * *", "*/7 * * * *", "0 * * * *", "0 6 * * *"} {
		random := rand.New(rand.NewPCG(1, 2))
		now := at(t, "2026-11-21 05:00")
		last, until := now, now // until is the latest time that was ever looked at
		for range 20_000 {
			step := time.Duration(1+random.IntN(60)) * time.Second
			switch random.IntN(500) {
			case 0:
				step = time.Hour
			case 1:
				step = -time.Hour
			}
			now = now.Add(step)
			slot, ok, err := workflow.Due(spec, last, now)
			if err != nil {
				t.Fatal(err)
			}
			if ok && (!slot.After(last) || slot.After(now) || !slot.Equal(slot.Truncate(time.Minute))) {
				t.Fatalf("%s: at %v, after %v, %v is due", spec, now, last, slot)
			}
			if now.After(until) {
				// Somebody who knows the slots by heart finds the same.
				if want := newest(spec, until, now); !want.Equal(slot) {
					t.Fatalf("%s: at %v, after %v, %v is due, want %v", spec, now, last, slot, want)
				}
				until = now
			} else if ok {
				t.Fatalf("%s: at %v, in the past, %v is due", spec, now, slot)
			}
			if ok {
				last = slot
			}
		}
	}
}

// newest finds the newest slot after one time and up to another, minute by
// minute; zero where there is none.
func newest(spec string, after, until time.Time) time.Time {
	for m := until.Truncate(time.Minute); m.After(after); m = m.Add(-time.Minute) {
		if spec == "* * * * *" || spec == "*/7 * * * *" && m.Minute()%7 == 0 ||
			m.Minute() == 0 && (spec == "0 * * * *" || spec == "0 6 * * *" && m.Hour() == 6) {
			return m
		}
	}
	return time.Time{}
}

var (
	dueSeed  = flag.Uint64("due.seed", 1, "first seed of random schedules")
	dueSeeds = flag.Int("due.seeds", 40, "how many of them are tried")
)

// TestDueOnRandomSchedules looks at random schedules by a clock that starts at a
// random instant, close to leap days, new years and changes of daylight saving
// too, and jumps. It knows slots by looking at each minute, without the parser.
func TestDueOnRandomSchedules(t *testing.T) {
	t.Parallel()
	slots, jumps, lost, doubled := 0, 0, 0, 0
	for seed := *dueSeed; seed < *dueSeed+uint64(*dueSeeds); seed++ {
		random := rand.New(rand.NewPCG(seed, 0))
		line, has := randomSchedule(random)
		now := randomInstant(random)
		last, until := now, now // until is the latest time that was ever looked at
		for range 200 {
			now = now.Add(time.Duration(1+random.IntN(90)) * time.Second)
			if random.IntN(20) == 0 {
				now = now.Add(randomJump(random))
				jumps++
			}
			slot, ok, err := workflow.Due(line, last, now)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			want := time.Time{} // of the past, nothing is due again
			if now.After(until) {
				want, until = lastMinute(has, until, now), now
			}
			if !slot.Equal(want) {
				t.Errorf("seed %d, %q: at %v, after %v, %v is due, want %v", seed, line, now, last, slot, want)
				if slot.Before(want) {
					lost++
				} else {
					doubled++
				}
			}
			if ok {
				slots++
				last = slot
			}
		}
	}
	proof.Note(t, proof.Story{Family: 8, Name: "random schedules by a clock that jumps", Faults: jumps, Runs: slots, Lost: lost, Doubled: doubled})
}

// randomSchedule returns a cron line, and what minutes it has.
func randomSchedule(random *rand.Rand) (line string, has func(time.Time) bool) {
	minute, hour, day, month, weekday := random.IntN(60), random.IntN(24), 1+random.IntN(31), 1+random.IntN(12), random.IntN(7)
	every := 1 + random.IntN(59)
	switch random.IntN(7) {
	case 0:
		return fmt.Sprintf("*/%d * * * *", every), func(m time.Time) bool { return m.Minute()%every == 0 }
	case 1:
		return fmt.Sprintf("%d * * * *", minute), func(m time.Time) bool { return m.Minute() == minute }
	case 2:
		return fmt.Sprintf("%d %d * * *", minute, hour), func(m time.Time) bool { return m.Minute() == minute && m.Hour() == hour }
	case 3:
		return fmt.Sprintf("%d %d %d * *", minute, hour, day), func(m time.Time) bool {
			return m.Minute() == minute && m.Hour() == hour && m.Day() == day
		}
	case 4:
		return fmt.Sprintf("%d %d * * %d", minute, hour, weekday), func(m time.Time) bool {
			return m.Minute() == minute && m.Hour() == hour && int(m.Weekday()) == weekday
		}
	case 5:
		return fmt.Sprintf("%d %d 29 2 *", minute, hour), func(m time.Time) bool {
			return m.Minute() == minute && m.Hour() == hour && m.Day() == 29 && m.Month() == time.February
		}
	default:
		return fmt.Sprintf("%d,%d %d-23 * %d *", minute, (minute+30)%60, hour, month), func(m time.Time) bool {
			return m.Minute()%30 == minute%30 && m.Hour() >= hour && int(m.Month()) == month
		}
	}
}

// randomInstant lies within minutes of something, or anywhere in eight years.
func randomInstant(random *rand.Rand) time.Time {
	edges := []time.Time{
		time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 14, 7, 0, 0, 0, time.UTC), time.Date(2027, 11, 7, 6, 0, 0, 0, time.UTC), // New York
		time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), time.Date(2027, 10, 31, 1, 0, 0, 0, time.UTC), // Berlin
		time.Date(2024+random.IntN(8), 1, 1, 0, 0, random.IntN(366*24*3600), 0, time.UTC),
	}
	return edges[random.IntN(len(edges))].Add(time.Duration(random.IntN(7200)-3600) * time.Second)
}

// randomJump is an hour, a day, or 400 days, there or back.
func randomJump(random *rand.Rand) time.Duration {
	jump := []time.Duration{time.Hour, time.Hour, 24 * time.Hour, 400 * 24 * time.Hour}[random.IntN(4)]
	if random.IntN(2) == 0 {
		return -jump
	}
	return jump
}

// lastMinute is the newest that a schedule has, after one time and up to another;
// zero where it has none.
func lastMinute(has func(time.Time) bool, after, until time.Time) time.Time {
	for m := until.Truncate(time.Minute); m.After(after); m = m.Add(-time.Minute) {
		if has(m) {
			return m
		}
	}
	return time.Time{}
}

func TestRunIDsFollowFromNameAndSlot(t *testing.T) {
	t.Parallel()
	slot := at(t, "2026-11-21 06:00")
	id := workflow.RunID("sync", slot)
	if again := workflow.RunID("sync", slot.In(time.FixedZone("", 3600))); again != id {
		t.Errorf("the same slot elsewhere: %v, want %v", again, id)
	}
	if other := workflow.RunID("sync", slot.Add(time.Minute)); other == id {
		t.Error("the next slot has the same id")
	}
	if other := workflow.RunID("other", slot); other == id {
		t.Error("another schedule has the same id")
	}
	if id.String() != "12914238-c45e-50d2-b36e-fd78b6b3d41e" {
		t.Errorf("id %v: it must not change from one version of the program to the next", id)
	}
}
