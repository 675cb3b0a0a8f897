package alert

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/webhook"
)

// The events that are told.
const (
	RunFailed     = "run_failed"
	RunLost       = "run_lost"
	RunIncomplete = "run_incomplete"
	RunGap        = "run_gap"
	SyncStale     = "sync_stale"
	PrivacyDuty   = "privacy_duty"
	AppRemoved    = "app_uninstalled"
)

const (
	syncMaxAge = 26 * time.Hour // a daily sync, and time for it to be late
	maxText    = 2000           // bytes of a cause or remedy
)

// findRuns notes the runs that ended badly within a day. Older ones are for the
// list of runs: who sets the webhook is not to be flooded.
func (t *Teller) findRuns(ctx context.Context) error {
	list, err := pgdb.New(t.DB).NewBadRuns(ctx)
	for _, r := range list {
		a := judge(r)
		a.Key, a.RunID, a.Scenario, a.Status, a.At = r.Key, &r.RunID, r.Scenario, r.Status, r.At
		if err := t.note(ctx, a); err != nil {
			return err
		}
	}
	return err
}

// judge says what is wrong with a run that ended badly, and what to do.
func judge(r pgdb.NewBadRunsRow) pgdb.NoteAlertParams {
	a := pgdb.NoteAlertParams{Event: RunFailed, Cause: r.ErrorText, Remedy: r.Remedy}
	remedy := "look at its page, and resume or restart it when what stopped it is mended"
	switch r.Status {
	case runs.Lost:
		a.Event = RunLost
		a.Cause = cmp.Or(a.Cause, "nobody works on it any more")
		remedy = "see that a process of the role all or worker runs; the run then goes on by itself"
	case runs.Incomplete:
		a.Event = RunIncomplete
		a.Cause = cmp.Or(a.Cause, "what was read could not be proved to be all; the watermark stays")
		remedy = "look at the proof on its page; the next sync reads that time again, and a full one reads all"
	case runs.CompletedWithGap:
		a.Event = RunGap
		if r.GapStream != "" {
			a.Cause = fmt.Sprintf("%s were not read from %s to %s: %s", r.GapStream, describe(r.GapSince), describe(r.GapUntil), r.GapReason)
		}
		a.Cause = cmp.Or(a.Cause, "it could not reach back to where the last one ended")
		remedy = "start a full sync, or one since the beginning of the gap"
	}
	a.Cause = cmp.Or(a.Cause, "its cause is not known")
	a.Remedy = cmp.Or(a.Remedy, remedy)
	return a
}

// findStaleSync notes that no sync has gone well for too long, once for each day
// that this lasts.
func (t *Teller) findStaleSync(ctx context.Context) error {
	last, err := pgdb.New(t.DB).LastGoodRun(ctx, t.Sync)
	if err != nil {
		return err
	}
	day, stale := staleDay(last.Since, last.Now)
	if !stale {
		return nil
	}
	return t.note(ctx, pgdb.NoteAlertParams{
		Key: fmt.Sprintf("stale:%s:%d:%d", t.Sync, last.Since.UnixMicro(), day), Event: SyncStale, Scenario: t.Sync, At: last.Now,
		Cause:  "no sync has gone well since " + describe(last.Since),
		Remedy: "see that a process of the role all or worker runs, look at the last run, and start a sync",
	})
}

// staleDay counts the days, from 0, since a sync that went well at a time should
// have been followed by another.
func staleDay(good, now time.Time) (day int, stale bool) {
	late := now.Sub(good) - syncMaxAge
	return int(late / (24 * time.Hour)), late > 0
}

// findNotices notes what Shopify asked for, and that the app was removed.
func (t *Teller) findNotices(ctx context.Context) error {
	list, err := pgdb.New(t.DB).NewNotices(ctx)
	for _, n := range list {
		a := pgdb.NoteAlertParams{Key: n.Key, At: n.At, Event: PrivacyDuty}
		switch n.Topic {
		case webhook.Uninstalled:
			a.Event = AppRemoved
			a.Cause = "the app was removed from the shop, and its token with it: no run can read from Shopify"
			a.Remedy = "install the app again, and set MACRODATA_SHOPIFY_TOKEN to its new token"
		case webhook.DataRequest:
			a.Cause = "a customer asked for their data, by way of Shopify"
			a.Remedy = "send them to the shop's owner by " + describe(n.DueAt)
		case webhook.CustomerRedact:
			a.Cause = "Shopify asks to delete a customer's data"
			a.Remedy = "delete them by " + describe(n.DueAt)
		default:
			a.Cause = "Shopify asks to delete the shop's data"
			a.Remedy = "delete them by " + describe(n.DueAt)
		}
		if err := t.note(ctx, a); err != nil {
			return err
		}
	}
	return err
}

// note writes an alert down, unless somebody has.
func (t *Teller) note(ctx context.Context, a pgdb.NoteAlertParams) error {
	a.Cause, a.Remedy = t.clean(a.Cause), t.clean(a.Remedy)
	return t.inTx(ctx, func(ctx context.Context, q *pgdb.Queries) error { return q.NoteAlert(ctx, a) })
}

// clean blots secrets out of a text, and cuts it where it is long.
func (t *Teller) clean(s string) string {
	for _, word := range t.Secrets {
		s = strings.ReplaceAll(s, word, "[redacted]")
	}
	if t.URL != "" {
		s = strings.ReplaceAll(s, t.URL, "[redacted]")
	}
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
