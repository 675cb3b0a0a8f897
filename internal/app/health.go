package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/alert"
	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/webhook"
)

// The states of health.
const (
	well     = "ok"
	degraded = "degraded" // works, and something wants looking after
	red      = "failed"
)

const (
	probeTime  = 2 * time.Second
	syncMaxAge = 26 * time.Hour   // a daily sync, and time for it to be late
	lakeMaxAge = 15 * time.Minute // many times what facts wait where all is well
	alertAge   = 10 * time.Minute // after which an alert that isn't taken is no hiccup
	syncsSeen  = 100              // how many runs are looked back for one that went well
)

// health is how the program is, as its worst part.
type health struct {
	State      string       `json:"state" enum:"ok,degraded,failed" doc:"That of the worst part."`
	Parts      []healthPart `json:"parts"`
	Watermarks []mark       `json:"watermarks" doc:"Up to when each stream is known to be complete."`
	Gaps       []gap        `json:"gaps" doc:"What no sync has read yet."`
}

type healthPart struct {
	Part   string     `json:"part" enum:"database,lakehouse,sync,gaps,shopify,privacy,alerts"`
	State  string     `json:"state" enum:"ok,degraded,failed"`
	Since  *time.Time `json:"since,omitempty" doc:"Since when it isn't well, where that is known."`
	Detail string     `json:"detail"`
	Remedy string     `json:"remedy,omitempty" doc:"What to do next."`
}

type mark struct {
	Stream string    `json:"stream"`
	Value  time.Time `json:"value"`
}

type gap struct {
	Stream string    `json:"stream"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	Noted  time.Time `json:"notedAt" doc:"When it was found."`
}

func (a *App) health(ctx context.Context, _ *struct{}) (*api.One[health], error) {
	ctx, cancel := context.WithTimeout(ctx, 2*probeTime)
	defer cancel()
	v, err := readVitals(ctx, a)
	if err != nil {
		a.Log.WarnContext(ctx, "health can't be read", "error", err)
		return &api.One[health]{Data: health{State: red, Watermarks: []mark{}, Gaps: []gap{}, Parts: []healthPart{{
			Part: "database", State: red, Detail: "The database doesn't answer as it should.", Remedy: "Run `macrodata doctor` where the program runs.",
		}}}}, nil
	}
	return &api.One[health]{Data: v.judge(time.Now())}, nil
}

// vitals are the facts that health is judged by.
type vitals struct {
	streams []outbox.StreamStatus
	syncs   []runs.Run // newest first
	marks   []mark
	gaps    []gap
	removed *time.Time     // when the app was, nil where it is there
	duties  []webhook.Duty // the most urgent first
	alerts  alerts
}

// alerts are those that could not be sent.
type alerts struct {
	off   bool // there is nowhere to send them
	held  int64
	since time.Time
	why   string
}

func readVitals(ctx context.Context, a *App) (v vitals, err error) {
	if v.streams, err = outbox.Status(ctx, a.DB); err != nil {
		return v, err
	}
	if v.syncs, err = a.Runs.List(ctx, bulksync.ID, syncsSeen); err != nil {
		return v, err
	}
	v.syncs = slices.DeleteFunc(v.syncs, bulksync.IsReplay) // which bring nothing new
	marks, err := pgdb.New(a.DB).ListWatermarks(ctx)
	if err != nil {
		return v, err
	}
	for _, m := range marks {
		v.marks = append(v.marks, mark{m.Stream, m.Value})
	}
	gaps, err := pgdb.New(a.DB).OpenGaps(ctx)
	if err != nil {
		return v, err
	}
	for _, g := range gaps {
		v.gaps = append(v.gaps, gap{Stream: g.Stream, Since: g.Since, Until: g.Until, Reason: g.Reason, Noted: g.Noted})
	}
	at, removed, err := webhook.Removed(ctx, a.DB, bulksync.ID)
	if err != nil {
		return v, err
	}
	if removed {
		v.removed = &at
	}
	if v.duties, err = webhook.Duties(ctx, a.DB); err != nil {
		return v, err
	}
	v.alerts.off = a.Config.AlertWebhook == ""
	v.alerts.held, v.alerts.since, v.alerts.why, err = alert.HeldUp(ctx, a.DB)
	return v, err
}

// judge says how each part is.
func (v vitals) judge(now time.Time) health {
	h := health{
		State: well, Watermarks: append([]mark{}, v.marks...), Gaps: append([]gap{}, v.gaps...),
		Parts: []healthPart{{Part: "database", State: well, Detail: "It answers."}, v.lakehouse(now), v.sync(now), v.holes(),
			v.shopify(), v.privacy(now), v.alerts.judge(now)},
	}
	for _, p := range h.Parts {
		if p.State == red || p.State == degraded && h.State == well {
			h.State = p.State
		}
	}
	return h
}

func (v vitals) lakehouse(now time.Time) healthPart {
	for _, s := range v.streams {
		if s.Age > lakeMaxAge {
			since := now.Add(-s.Age)
			return healthPart{Part: "lakehouse", State: degraded, Since: &since,
				Detail: fmt.Sprintf("%d rows of %s wait for it.", s.Rows, s.Stream),
				Remedy: "See that a process of the role all or worker runs, and that `macrodata doctor` there finds nothing."}
		}
	}
	return healthPart{Part: "lakehouse", State: well, Detail: "Nothing waits long for it."}
}

// sync is judged by the newest sync that is over, and by when one last went well.
func (v vitals) sync(now time.Time) healthPart {
	part := healthPart{Part: "sync", State: well, Detail: "The last one went well."}
	var last, good *runs.Run
	for i, r := range v.syncs {
		if r.Live() || r.FinishedAt == nil {
			continue
		}
		if last == nil {
			last = &v.syncs[i]
		}
		if r.Status == runs.Completed || r.Status == runs.CompletedWithRejects || r.Status == runs.CompletedWithGap {
			good = &v.syncs[i]
			break
		}
	}
	switch {
	case last == nil:
		part.State, part.Detail, part.Remedy = degraded, "No sync has ended yet.", "Start one, or wait for the next of the schedule."
	case good == nil || now.Sub(*good.FinishedAt) > syncMaxAge:
		part.State, part.Since, part.Detail = red, last.FinishedAt, "No sync has gone well for 26 hours."
		if good != nil {
			part.Since = good.FinishedAt
		}
		part.Remedy = "See that a process of the role all or worker runs, and start a sync."
	case good != last:
		part.State, part.Since = degraded, last.FinishedAt
		part.Detail, part.Remedy = "The last one ended as "+last.Status+".", "Look at its page, and start another."
	}
	if last != good && last != nil && last.Remedy != "" {
		part.Remedy = last.Remedy
	}
	return part
}

func (v vitals) holes() healthPart {
	if len(v.gaps) == 0 {
		return healthPart{Part: "gaps", State: well, Detail: "There is none."}
	}
	g := v.gaps[0]
	return healthPart{Part: "gaps", State: red, Since: &g.Noted,
		Detail: fmt.Sprintf("No sync could read %s from %s to %s.", g.Stream, g.Since.UTC().Format(time.RFC3339), g.Until.UTC().Format(time.RFC3339)),
		Remedy: "Start a full sync, or one since the beginning of the gap."}
}

// shopify is judged by what it told: that the app is removed.
func (v vitals) shopify() healthPart {
	if v.removed == nil {
		return healthPart{Part: "shopify", State: well, Detail: "The app was not removed from the shop, as far as Shopify told."}
	}
	return healthPart{Part: "shopify", State: red, Since: v.removed,
		Detail: "The app was removed from the shop, and its token with it: no sync can read.",
		Remedy: "Install the app again, set MACRODATA_SHOPIFY_TOKEN to its new token, and start a sync."}
}

// privacy has a deadline, thirty days after Shopify asked.
func (v vitals) privacy(now time.Time) healthPart {
	if len(v.duties) == 0 {
		return healthPart{Part: "privacy", State: well, Detail: "Nobody waits for their data, or for them to be deleted."}
	}
	first := v.duties[0]
	part := healthPart{Part: "privacy", State: degraded, Since: &first.Received,
		Detail: fmt.Sprintf("Shopify asked for %d things with a deadline, the first of them (%s) due on %s.",
			len(v.duties), first.Topic, first.Due.UTC().Format(time.DateOnly)),
		Remedy: "Give out or delete the data that webhook_delivery names where handled_at is null, before the deadline."}
	if now.After(first.Due) {
		part.State = red
	}
	return part
}

func (a alerts) judge(now time.Time) healthPart {
	switch {
	case a.off:
		return healthPart{Part: "alerts", State: well, Detail: "Nobody is told when something goes wrong: MACRODATA_ALERT_WEBHOOK is not set."}
	case a.held > 0 && now.Sub(a.since) > alertAge:
		return healthPart{Part: "alerts", State: degraded, Since: &a.since,
			Detail: fmt.Sprintf("%d can't be sent: %s.", a.held, a.why),
			Remedy: "See that the address of MACRODATA_ALERT_WEBHOOK is right and can be reached from here."}
	}
	return healthPart{Part: "alerts", State: well, Detail: "All were sent."}
}
