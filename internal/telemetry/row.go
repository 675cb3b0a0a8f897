package telemetry

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// maxMessage is how many bytes of an error's text are kept.
const maxMessage = 2 << 10

// space keeps ids of events apart from other ids made of text.
var space = uuid.MustParse("1c3f0e3a-5b1e-4f0e-9d35-0e6b2a4a7c58")

// eventID is the same for an event however often it is told.
func eventID(e workflow.Event) string {
	key := make([]byte, 0, 128)
	for _, part := range []string{e.RunID, e.Step, e.Name} {
		key = append(append(key, part...), 0)
	}
	key = strconv.AppendInt(key, int64(e.Attempt), 10)
	key = append(key, 0)
	key = strconv.AppendInt(key, e.At.UnixMicro(), 10)
	return uuid.NewSHA1(space, key).String()
}

// rowMaker returns the function that turns an event into a row whose message
// has none of the secrets.
func rowMaker(secrets []string) func(workflow.Event) rows.Event {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "[redacted]")
		}
	}
	blot := strings.NewReplacer(pairs...)
	return func(e workflow.Event) rows.Event {
		scenario, _, _ := strings.Cut(e.Workflow, ".")
		row := rows.Event{
			EventID: eventID(e), OccurredAt: e.At, Scenario: scenario, RunID: e.RunID,
			Step: e.Step, Attempt: e.Attempt, Event: e.Name, Level: level(e.Name), Duration: e.Duration,
		}
		if e.Err != nil {
			row.ErrorCode, row.Message = errs.Kind(e.Err), shorten(blot.Replace(e.Err.Error()))
		}
		if e.Rebuilt {
			row.Attributes = json.RawMessage(`{"rebuilt":true}`)
		}
		return row
	}
}

// level says how bad an event is: an attempt that failed may be made good by
// the next, and a run that was interrupted goes on.
func level(event string) string {
	switch event {
	case workflow.WorkflowErrored, workflow.StepErrored:
		return "error"
	case workflow.AttemptErrored, workflow.WorkflowInterrupted:
		return "warn"
	}
	return "info"
}

// shorten cuts a text between two characters.
func shorten(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= maxMessage {
		return text
	}
	end := maxMessage - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
