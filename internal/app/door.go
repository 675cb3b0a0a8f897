package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/macrodata-dev/macrodata/internal/access"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Role is what a process does of all that the program does.
type Role string

// The roles. Processes of different roles on one database make one program.
const (
	RoleAll    Role = "all"
	RoleWeb    Role = "web"    // answers requests, and leaves runs to others
	RoleWorker Role = "worker" // does runs, and answers no requests
)

// off as an address is nowhere.
const off = "off"

// checkDoor refuses settings by which requests would come in wrongly.
func (c Config) checkDoor() error {
	switch c.Role {
	case RoleAll, RoleWeb, RoleWorker:
	default:
		return fmt.Errorf("MACRODATA_ROLE is neither all, web nor worker: %w", errs.Invalid)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("MACRODATA_LISTEN is no host:port: %w", errs.Invalid)
	}
	if _, _, err := net.SplitHostPort(c.OpsListen); err != nil && c.OpsListen != off {
		return fmt.Errorf("MACRODATA_OPS_LISTEN is neither host:port nor off: %w", errs.Invalid)
	}
	if _, _, err := net.SplitHostPort(c.WebhookListen); err != nil && c.WebhookListen != off {
		return fmt.Errorf("MACRODATA_WEBHOOK_LISTEN is neither host:port nor off: %w", errs.Invalid)
	}
	if c.AccessTeam != "" && access.OnLoopback(c.AccessTeam) && !onLoopback(host) {
		return fmt.Errorf("MACRODATA_ACCESS_TEAM is on this machine, where anybody can be anyone, and MACRODATA_LISTEN lets others in: %w", errs.Invalid)
	}
	return nil
}

// onLoopback says whether only this machine reaches a host. An empty one is all
// of the machine's addresses.
func onLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// CheckAccess refuses settings by which nobody could be let in, and says which
// it is. It asks nobody.
func (c Config) CheckAccess() error {
	if c.Role == RoleWorker {
		return nil
	}
	_, err := c.newVerifier(nil)
	return err
}

// CheckWebhooks refuses to open an address for webhooks that could not be told
// from anybody's.
func (c Config) CheckWebhooks() error {
	if c.Role == RoleWorker || c.WebhookListen == off || c.ShopifyClientSecret != "" {
		return nil
	}
	return errs.WithRemedy(fmt.Errorf("MACRODATA_WEBHOOK_LISTEN is set without MACRODATA_SHOPIFY_CLIENT_SECRET: %w", errs.Invalid),
		"set MACRODATA_SHOPIFY_CLIENT_SECRET to what Shopify's Dev Dashboard shows of the app, or MACRODATA_WEBHOOK_LISTEN to off")
}

func (c Config) newVerifier(log *slog.Logger) (*access.Verifier, error) {
	v, err := access.New(access.Config{
		Team: c.AccessTeam, Audience: c.AccessAudience, CertsURL: c.AccessCertsURL, PublicURL: c.PublicURL, Log: log,
	})
	if err != nil {
		err = errs.WithRemedy(err, "set MACRODATA_ACCESS_TEAM and MACRODATA_ACCESS_AUD to what Cloudflare's dashboard shows "+
			"of the Access application; `macrodata dev` brings a team of its own")
	}
	return v, err
}
