package analytics_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/runs"
)

// TestRunsWithoutAStateAreRefusedWithTheReason, and with what to do.
func TestRunsWithoutAStateAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := openTwins(t, 5, 1<<20).kept
	run := func(scenario string, ended bool) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		must(t, w.app.Runs.Create(t.Context(), runs.Request{ID: id, Scenario: scenario, Trigger: runs.CLI, RequestedBy: "test", Params: object{}}))
		if ended {
			must(t, w.app.Runs.Close(t.Context(), id, runs.Outcome{Status: runs.Completed}))
		}
		return id
	}
	for name, c := range map[string]struct {
		run            uuid.UUID
		reason, remedy string
	}{
		"no run":                  {uuid.New(), "is no run", "GET /api/ingest/runs"},
		"one that isn't over":     {run("bulksync", false), "under way", "wait until"},
		"one whose state is gone": {run("bulksync", true), "no state is kept", "macrodata replay"},
		"one that leaves none":    {run("taganalytics", true), "is a refresh", "name a sync"},
	} {
		t.Run(name, func(t *testing.T) {
			inner := &world{T: t, url: w.url, token: w.token}
			for location, ask := range map[string]func(*string){
				"body.asOf": func(p *string) {
					inner.send("POST", performance, object{"all": true, "asOf": c.run}, p, http.StatusUnprocessableEntity)
				},
				"query.asOf": func(p *string) {
					inner.send("GET", distribution+"season?asOf="+c.run.String(), nil, p, http.StatusUnprocessableEntity)
				},
			} {
				var problem string
				ask(&problem)
				for _, want := range []string{location, c.reason, c.remedy, "leave it out"} {
					if !strings.Contains(problem, want) {
						t.Errorf("%s is answered without %q: %s", name, want, problem)
					}
				}
			}
		})
	}
}
