package app

import (
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/webhook"
)

func TestHealthIsJudged(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return new(now.Add(-d)) }
	ended := func(status string, d time.Duration) runs.Run { return runs.Run{Status: status, FinishedAt: ago(d)} }
	good := []runs.Run{ended(runs.Completed, time.Hour)}
	for _, c := range []struct {
		name   string
		vitals vitals
		part   string // whose state the whole has
		state  string
		says   string // in detail or remedy
	}{
		{"all is well after a sync that went well", vitals{syncs: good}, "sync", well, "went well"},
		{"a sync with rejects went well", vitals{syncs: []runs.Run{ended(runs.CompletedWithRejects, time.Hour)}}, "sync", well, ""},
		{"before the first sync the program is degraded", vitals{}, "sync", degraded, "No sync has ended"},
		{"the first sync is under way", vitals{syncs: []runs.Run{{Status: runs.Running}}}, "sync", degraded, "No sync has ended"},
		{"the last sync failed, and the one before went well", vitals{syncs: []runs.Run{ended(runs.Failed, time.Hour), ended(runs.Completed, 25*time.Hour)}}, "sync", degraded, "ended as failed"},
		{"what a failed sync says itself is the remedy", vitals{syncs: []runs.Run{{Status: runs.Failed, FinishedAt: ago(time.Hour), Remedy: "Make a new token."}}}, "sync", red, "Make a new token."},
		{"a sync that is under way changes nothing", vitals{syncs: []runs.Run{{Status: runs.Running}, good[0]}}, "sync", well, ""},
		{"no sync has gone well for 26 hours", vitals{syncs: []runs.Run{ended(runs.Completed, 26*time.Hour+time.Second)}}, "sync", red, "26 hours"},
		{"one went well just within 26 hours", vitals{syncs: []runs.Run{ended(runs.Completed, 26*time.Hour)}}, "sync", well, ""},
		{"no sync ever went well", vitals{syncs: []runs.Run{ended(runs.Incomplete, time.Hour)}}, "sync", red, ""},
		{"a gap is open", vitals{syncs: good, gaps: []gap{{Stream: "orders", Since: *ago(48 * time.Hour), Until: *ago(24 * time.Hour)}}}, "gaps", red, "Start a full sync"},
		{"facts wait for the lakehouse for long", vitals{syncs: good, streams: []outbox.StreamStatus{{Stream: "s", Rows: 7, Age: 16 * time.Minute}}}, "lakehouse", degraded, "7 rows of s"},
		{"facts wait for the lakehouse for a moment", vitals{syncs: good, streams: []outbox.StreamStatus{{Stream: "s", Rows: 7, Age: time.Minute}}}, "lakehouse", well, ""},
		{"the app was removed from the shop", vitals{syncs: good, removed: ago(time.Hour)}, "shopify", red, "Install the app again"},
		{"a customer waits for their data", vitals{syncs: good, duties: []webhook.Duty{{Topic: webhook.DataRequest, Received: *ago(time.Hour), Due: *ago(-29 * 24 * time.Hour)}}}, "privacy", degraded, "due on 2026-12-22"},
		{"the deadline of a duty is over", vitals{syncs: good, duties: []webhook.Duty{{Topic: webhook.ShopRedact, Due: *ago(time.Second)}}}, "privacy", red, "handled_at is null"},
		{"alerts can't be sent", vitals{syncs: good, alerts: alerts{held: 2, since: *ago(time.Hour), why: "the webhook answered 404"}}, "alerts", degraded, "2 can't be sent: the webhook answered 404."},
		{"an alert will be sent again in a moment", vitals{syncs: good, alerts: alerts{held: 1, since: *ago(time.Minute)}}, "alerts", well, ""},
		{"alerts are sent nowhere", vitals{syncs: good, alerts: alerts{off: true}}, "alerts", well, "MACRODATA_ALERT_WEBHOOK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := c.vitals.judge(now)
			if h.State != c.state {
				t.Errorf("the whole is %s, want %s", h.State, c.state)
			}
			for _, p := range h.Parts {
				switch {
				case p.Part != c.part:
					if p.State != well {
						t.Errorf("%s is %s, too: %s", p.Part, p.State, p.Detail)
					}
				case p.State != c.state || !strings.Contains(p.Detail+" "+p.Remedy, c.says):
					t.Errorf("%s is %s: %s %s", p.Part, p.State, p.Detail, p.Remedy)
				case p.State != well && p.Remedy == "":
					t.Errorf("%s is %s, and nobody says what to do", p.Part, p.State)
				}
			}
		})
	}
}
