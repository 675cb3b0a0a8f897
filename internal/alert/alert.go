// Package alert tells people of what they must look after: a webhook of theirs,
// such as a chat has, gets a message when a run fails, stays incomplete or leaves
// a gap, when no sync has gone well for 26 hours, and when Shopify asks for
// something with a deadline.
//
// Any number of processes look for what to tell. Each thing has a key, so it
// becomes one row of table alert, which one process at a time claims and sends,
// again and again until the webhook has taken it: at least once, and twice only
// where a process dies in between.
package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Config says whom to tell, and how.
type Config struct {
	DB  *pg.DB
	Log *slog.Logger // slog.Default where nil

	// URL is the webhook's. It is a secret, for who has it can write there.
	URL string
	// RunURL returns the address of a run for people, "" where there is none; nil
	// for none.
	RunURL func(id uuid.UUID) string
	// Sync is the scenario that has to go well once in 26 hours.
	Sync string
	// Secrets are words that no message may hold. They are blotted out.
	Secrets []string

	Every   time.Duration // between looks; 15 s where 0
	First   time.Duration // before the second attempt, doubled for each later one; 30 s where 0
	Longest time.Duration // of these waits; 1 h where 0
	Timeout time.Duration // of an attempt; 10 s where 0
}

// Teller looks for what to tell, and tells it.
type Teller struct {
	Config
	client *http.Client
}

// New returns a teller, which works while [Teller.Run] runs.
func New(c Config) *Teller {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&c.Every, 15 * time.Second}, {&c.First, 30 * time.Second}, {&c.Longest, time.Hour}, {&c.Timeout, 10 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return &Teller{c, &http.Client{
		Timeout: c.Timeout,
		// What is secret isn't sent on to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run looks and tells until ctx ends.
func (t *Teller) Run(ctx context.Context) {
	tick := time.NewTicker(t.Every)
	defer tick.Stop()
	for {
		if err := t.Look(ctx); err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "alerts could not be looked for or told, and will be", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look notes what is new and tells all that is due. An attempt that fails is no
// error here: it is noted, and there will be another.
func (t *Teller) Look(ctx context.Context) error {
	if err := errors.Join(t.findRuns(ctx), t.findStaleSync(ctx), t.findNotices(ctx)); err != nil {
		return err
	}
	for ctx.Err() == nil {
		claimed, err := t.claim(ctx)
		if pg.NoRows(err) {
			return nil
		}
		if err == nil {
			err = t.tell(ctx, claimed)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// claim takes an alert that is due. A process that dies with it leaves it to be
// claimed again when the next attempt would have come.
func (t *Teller) claim(ctx context.Context) (a pgdb.Alert, err error) {
	err = t.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) (err error) {
		a, err = q.ClaimAlert(ctx, pgdb.ClaimAlertParams{Longest: t.Longest.Seconds(), First: t.First.Seconds()})
		return err
	})
	return a, err
}

// tell sends an alert and notes what came of it.
func (t *Teller) tell(ctx context.Context, a pgdb.Alert) error {
	sending := t.send(ctx, t.message(a))
	if sending != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if sending != nil {
		t.Log.WarnContext(ctx, "an alert could not be sent, and will be again", "event", a.Event, "attempt", a.Attempts, "error", sending)
	}
	// What was sent is noted even where the program is about to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Timeout)
	defer cancel()
	return t.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) error {
		if sending == nil {
			return q.AlertSent(ctx, a.Key)
		}
		return q.AlertFailed(ctx, pgdb.AlertFailedParams{Key: a.Key, LastError: t.clean(sending.Error())})
	})
}

func (t *Teller) inTx(ctx context.Context, fn func(context.Context, *pgdb.Queries) error) error {
	return t.DB.InTx(ctx, func(ctx context.Context, tx pg.Tx) error { return fn(ctx, pgdb.New(tx)) })
}

// HeldUp says how many alerts wait that the webhook didn't take, since when the
// first of them does, and why.
func HeldUp(ctx context.Context, db *pg.DB) (n int64, since time.Time, why string, err error) {
	r, err := pgdb.New(db).AlertsHeldUp(ctx)
	return r.Waiting, r.Since, r.LastError, err
}

// Prune deletes the alerts that are older than a time, sent or not, and returns
// how many. Nothing is looked for that is older than a day, but open duties are:
// the time has to be longer than theirs.
func Prune(ctx context.Context, db *pg.DB, before time.Time) (deleted int64, err error) {
	for {
		n, err := pgdb.New(db).PruneAlerts(ctx, before)
		if deleted += n; err != nil || n == 0 {
			return deleted, err
		}
	}
}

// describe is a time as people read it in a message.
func describe(at time.Time) string { return fmt.Sprint(at.UTC().Format("2006-01-02 15:04"), " UTC") }
