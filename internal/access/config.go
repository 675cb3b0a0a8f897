package access

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// certsPath is where a team publishes its keys.
const certsPath = "/cdn-cgi/access/certs"

var (
	teamURL     = regexp.MustCompile(`^https://[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.cloudflareaccess\.com$`)
	audienceTag = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Config says whose tokens are good.
type Config struct {
	// Team is who issues the tokens: https://NAME.cloudflareaccess.com, or an
	// issuer on loopback, such as http://127.0.0.1:8788.
	Team string
	// Audience is the AUD tag of the application: 64 digits in lower-case hex.
	Audience string
	// CertsURL is where an issuer on loopback publishes its keys, if not where
	// Cloudflare does. Cloudflare's own address always follows from Team.
	CertsURL string
	// PublicURL is the dashboard's address in browsers, for requests whose Host
	// is another because a proxy has changed it. It may be empty.
	PublicURL string

	Log   *slog.Logger     // where refusals get their reason; default none
	Clock func() time.Time // default time.Now
}

// OnLoopback says whether a team is an issuer on this machine, as development
// has. Anybody on the machine can be anyone there, so a program with such a
// team must not listen where others reach it.
func OnLoopback(team string) bool {
	u, err := url.Parse(team)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

func (c Config) check() error {
	local := OnLoopback(c.Team) && !strings.ContainsAny(strings.TrimPrefix(c.Team, "http://"), "/?#")
	switch {
	case !local && !teamURL.MatchString(c.Team):
		return errs.WithRemedy(fmt.Errorf("the team %q is not of the form https://NAME.cloudflareaccess.com: %w", c.Team, errs.Invalid),
			"Set MACRODATA_ACCESS_TEAM to the team domain of Zero Trust, with https:// and without a slash at the end.")
	case !audienceTag.MatchString(c.Audience):
		return errs.WithRemedy(fmt.Errorf("the audience %q is not 64 digits of lower-case hex: %w", c.Audience, errs.Invalid),
			"Set MACRODATA_ACCESS_AUD to the Application Audience (AUD) Tag of this application in Zero Trust.")
	case c.CertsURL != "" && !local:
		return errs.WithRemedy(fmt.Errorf("keys are taken from the team itself, not from %q: %w", c.CertsURL, errs.Invalid),
			"Leave MACRODATA_ACCESS_CERTS_URL empty: it is only for a team on loopback.")
	case c.CertsURL != "" && !OnLoopback(c.CertsURL):
		return errs.WithRemedy(fmt.Errorf("the keys' address %q is not http on a loopback IP: %w", c.CertsURL, errs.Invalid),
			"Set MACRODATA_ACCESS_CERTS_URL to an address such as http://127.0.0.1:8788"+certsPath+", or leave it empty.")
	}
	return nil
}

func (c Config) certsURL() string {
	if c.CertsURL != "" {
		return c.CertsURL
	}
	return c.Team + certsPath
}

// origin is the check of state-changing requests that browsers send.
func (c Config) origin() (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	if c.PublicURL == "" {
		return p, nil
	}
	u, err := url.Parse(c.PublicURL)
	if err == nil {
		err = p.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	if err != nil {
		return nil, errs.WithRemedy(fmt.Errorf("the public URL %q has no scheme or host: %w", c.PublicURL, errs.Invalid),
			"Set MACRODATA_PUBLIC_URL to the dashboard's address, such as https://ops.example.com.")
	}
	return p, nil
}
