package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Message is what the webhook gets, as JSON. Text says all of it in a sentence,
// under the name that Slack, Mattermost and others take.
type Message struct {
	Event    string     `json:"event"` // one of the events above
	Text     string     `json:"text"`
	RunID    *uuid.UUID `json:"runId,omitempty"`
	Scenario string     `json:"scenario,omitempty"`
	Status   string     `json:"status,omitempty"` // of the run
	Cause    string     `json:"cause"`
	Remedy   string     `json:"remedy"`
	URL      string     `json:"url,omitempty"` // of the run
	At       time.Time  `json:"at"`            // when it happened, UTC
}

func (t *Teller) message(a pgdb.Alert) Message {
	m := Message{
		Event: a.Event, RunID: a.RunID, Scenario: a.Scenario, Status: a.Status, Cause: a.Cause, Remedy: a.Remedy, At: a.At,
	}
	if a.RunID != nil && t.RunURL != nil {
		m.URL = t.RunURL(*a.RunID)
	}
	m.Text = m.sentence()
	return m
}

// sentence says what happened, why, and what to do.
func (m Message) sentence() string {
	about := map[string]string{
		RunFailed: "a run of " + m.Scenario + " failed", RunLost: "a run of " + m.Scenario + " was lost",
		RunIncomplete: "a run of " + m.Scenario + " is incomplete", RunGap: "a run of " + m.Scenario + " left a gap",
		SyncStale: "the sync is late", PrivacyDuty: "a duty with a deadline", AppRemoved: "the app was removed",
	}[m.Event]
	text := fmt.Sprintf("macrodata: %s: %s. What to do: %s.", about, strings.TrimSuffix(m.Cause, "."), strings.TrimSuffix(m.Remedy, "."))
	if m.URL != "" {
		text += " " + m.URL
	}
	return text
}

// send posts a message. Whatever isn't 2xx is a failure. The error doesn't tell
// where it was sent to.
func (t *Teller) send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the address of the webhook can't be used: %w", errs.Invalid)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "macrodata")
	answer, err := t.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the address
		}
		return fmt.Errorf("send: %w: %w", err, errs.Unavailable)
	}
	defer answer.Body.Close()                                       //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %d: %w", answer.StatusCode, errs.Unavailable)
	}
	return nil
}
