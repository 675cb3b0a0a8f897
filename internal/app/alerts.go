package app

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/alert"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

// checkAlerts refuses an address that alerts would be sent to in the open. It
// doesn't repeat the address, for that is a secret.
func (c Config) checkAlerts() error {
	if c.AlertWebhook == "" {
		return nil
	}
	u, err := url.Parse(string(c.AlertWebhook))
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && onLoopback(u.Hostname())) {
		return fmt.Errorf("MACRODATA_ALERT_WEBHOOK is no https:// address: %w", errs.Invalid)
	}
	return nil
}

// tellAlerts looks for what people must know, and tells it, until ctx ends. It
// returns at once where nobody is to be told.
func (a *App) tellAlerts(ctx context.Context) {
	if a.Config.AlertWebhook == "" {
		return
	}
	alert.New(alert.Config{
		DB: a.DB, Log: a.Log, URL: string(a.Config.AlertWebhook), Sync: bulksync.ID,
		RunURL: a.runURL, Secrets: a.Config.secrets(),
	}).Run(ctx)
}

// runURL is where a run can be seen, "" where nobody has said where the program
// is.
func (a *App) runURL(id uuid.UUID) string {
	if a.Config.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(a.Config.PublicURL, "/") + "/runs/" + id.String()
}
