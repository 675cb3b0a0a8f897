package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/robfig/cron/v3"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// startLimit ends what a schedule starts: it is to queue a run, not to be one.
const startLimit = 30 * time.Second

// clockFault is how far ahead of the clock a schedule may be. Further on, it
// was moved by a clock that was wrong, and would stay silent until then.
const clockFault = 24 * time.Hour

// schedule is what is to be started at the times of a cron line.
type schedule struct {
	name  string
	times cron.Schedule
	start func(ctx context.Context, slot time.Time) error
}

// Schedule has start called at the times of spec, five fields of a cron line in
// UTC: minute, hour, day of the month, month, day of the week. An empty spec is
// a schedule that is off. It comes before [Engine.Launch]; engines that are
// Passive have no schedules.
//
// Each time, or slot, is started once, whichever process of those that have the
// schedule comes first, by the clock of the database. Of slots that passed
// while no process was there, the newest is started and the others are not. A
// schedule begins when it is seen first.
//
// start must bear being called again with a slot: it is when another process
// comes at the same time, when it failed, and when a process died before it
// could note its success. To start a run it therefore takes the id from
// [RunID]. A start that fails with [*Busy] is as good as done: the run that is
// under way does the work.
func (e *Engine) Schedule(name, spec string, start func(ctx context.Context, slot time.Time) error) error {
	if spec == "" {
		return nil
	}
	times, err := cronTimes(spec)
	if err != nil {
		return errs.WithRemedy(fmt.Errorf("schedule of %s: %q: %w: %w", name, spec, err, errs.Invalid),
			`give five fields in UTC: minute, hour, day of month, month, day of week (0 is Sunday), such as "0 6 * * *"`)
	}
	for _, s := range e.schedules {
		if s.name == name {
			return fmt.Errorf("schedule %s is there already: %w", name, errs.Invalid)
		}
	}
	e.schedules = append(e.schedules, schedule{name, times, start})
	return nil
}

func cronTimes(spec string) (cron.Schedule, error) {
	// The parser takes characters before the fields for a time zone.
	if spec[0] >= 'A' && spec[0] <= 'Z' {
		return nil, errors.New("times are in UTC, and no other time zone can be named")
	}
	times, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(spec)
	if err != nil {
		return nil, err
	}
	if times.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("no year has such a day")
	}
	return times, nil
}

// RunID is the id of the run that a schedule starts at a slot, the same in
// every process.
func RunID(schedule string, slot time.Time) uuid.UUID {
	return uuid.NewSHA1(runSpace, []byte(schedule+" "+slot.UTC().Format(time.RFC3339)))
}

// runSpace keeps ids of scheduled runs apart from other ids made of text.
var runSpace = uuid.MustParse("6f1f2b1e-63a0-4bd0-8a4f-2f3c3f7f5c11")

// due returns the newest slot after last and up to now, if there is one. A
// clock that was set back makes none: its slots were due before. In UTC every
// day has each of its minutes once, so daylight saving changes nothing.
func due(times cron.Schedule, last, now time.Time) (slot time.Time, ok bool) {
	last, now = last.UTC(), now.UTC()
	comes := func(after time.Time) bool {
		next := times.Next(after)
		return !next.IsZero() && !next.After(now)
	}
	if !comes(last) {
		return time.Time{}, false
	}
	// A cron line tells only what comes next, so the newest is found by halving:
	// after low there comes one until now, after high there doesn't, and slots
	// are whole minutes.
	low, high := last, now
	for high.Sub(low) > time.Minute {
		if middle := low.Add(high.Sub(low) / 2); comes(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return times.Next(low), true
}

// scheduleLoop looks for slots that are due.
func (e *Engine) scheduleLoop(ctx context.Context) {
	for ctx.Err() == nil {
		for _, s := range e.schedules {
			if err := e.look(ctx, s); err != nil && ctx.Err() == nil {
				e.log.Warn("a schedule could not start its run and will try again", "schedule", s.name, "error", err)
			}
		}
		if pause(ctx, e.cfg.Tick) != nil {
			return
		}
	}
}

// readSlot returns how far a schedule has come, by now where it is new, and the
// time.
const readSlot = `
WITH new AS (
    INSERT INTO schedule_slot (name, slot) VALUES ($1, now()) ON CONFLICT (name) DO NOTHING)
SELECT coalesce((SELECT slot FROM schedule_slot WHERE name = $1), now()), now()`

const moveSlot = `
UPDATE schedule_slot SET slot = $3, moved_at = now() WHERE name = $1 AND slot = $2`

// look starts a schedule's slot where one is due, and then notes that. A
// process that dies in between leaves the slot to be started again, which finds
// the run by its id.
func (e *Engine) look(ctx context.Context, s schedule) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var last, now time.Time
	if err := e.pool.QueryRow(ctx, readSlot, s.name).Scan(&last, &now); err != nil {
		return err
	}
	slot, ok := due(s.times, last, now)
	switch {
	case ok:
		err := s.start(ctx, slot)
		var busy *Busy
		if errors.As(err, &busy) {
			e.log.Warn("a schedule found the run before still under way", "schedule", s.name, "slot", slot, "run", busy.RunID)
		} else if err != nil {
			return err
		}
	case last.Sub(now) > clockFault:
		// Slots that were started already are found by their runs' ids.
		e.log.Warn("a schedule is ahead of the clock and begins anew", "schedule", s.name, "slot", last, "clock", now)
		slot = now
	default:
		return nil
	}
	_, err := e.pool.Exec(ctx, moveSlot, s.name, last, slot)
	return err
}
