package access

import (
	"errors"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	const team, local = "https://brand.cloudflareaccess.com", "http://127.0.0.1:8788"
	aud := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		config Config
		wrong  string // what the error names; empty where the settings are good
	}{
		"a team and an audience":            {Config{Team: team, Audience: aud}, ""},
		"an issuer on loopback":             {Config{Team: local, Audience: aud}, ""},
		"an issuer on IPv6 loopback":        {Config{Team: "http://[::1]:8788", Audience: aud}, ""},
		"keys elsewhere on loopback":        {Config{Team: local, Audience: aud, CertsURL: "http://127.0.0.1:9/keys"}, ""},
		"a public URL":                      {Config{Team: team, Audience: aud, PublicURL: "https://ops.brand.example/"}, ""},
		"no team":                           {Config{Audience: aud}, "team"},
		"a team without https":              {Config{Team: "http://brand.cloudflareaccess.com", Audience: aud}, "team"},
		"a team without a scheme":           {Config{Team: "brand.cloudflareaccess.com", Audience: aud}, "team"},
		"a team with a slash at its end":    {Config{Team: team + "/", Audience: aud}, "team"},
		"a team with a path":                {Config{Team: team + "/x", Audience: aud}, "team"},
		"a team with a port":                {Config{Team: team + ":8443", Audience: aud}, "team"},
		"a team with a user":                {Config{Team: "https://x@brand.cloudflareaccess.com", Audience: aud}, "team"},
		"a team with a subdomain":           {Config{Team: "https://a.b.cloudflareaccess.com", Audience: aud}, "team"},
		"a team without a name":             {Config{Team: "https://.cloudflareaccess.com", Audience: aud}, "team"},
		"a team in capitals":                {Config{Team: "https://Brand.cloudflareaccess.com", Audience: aud}, "team"},
		"a team that looks like one":        {Config{Team: "https://brand.cloudflareaccess.com.evil.example", Audience: aud}, "team"},
		"a team whose dots aren't":          {Config{Team: "https://brand-cloudflareaccess.com", Audience: aud}, "team"},
		"a team with a line after it":       {Config{Team: team + "\n", Audience: aud}, "team"},
		"an issuer on another machine":      {Config{Team: "http://10.0.0.1:8788", Audience: aud}, "team"},
		"an issuer on any interface":        {Config{Team: "http://0.0.0.0:8788", Audience: aud}, "team"},
		"an issuer by name":                 {Config{Team: "http://localhost:8788", Audience: aud}, "team"},
		"an issuer on loopback with a path": {Config{Team: local + "/", Audience: aud}, "team"},
		"an issuer on loopback with a user": {Config{Team: "http://x@127.0.0.1:8788", Audience: aud}, "team"},
		"no audience":                       {Config{Team: team}, "audience"},
		"a short audience":                  {Config{Team: team, Audience: aud[:63]}, "audience"},
		"an audience in capitals":           {Config{Team: team, Audience: strings.ToUpper(aud)}, "audience"},
		"two audiences":                     {Config{Team: team, Audience: aud + "," + aud}, "audience"},
		"keys elsewhere for a real team":    {Config{Team: team, Audience: aud, CertsURL: team + certsPath}, "keys"},
		"keys on loopback for a real team":  {Config{Team: team, Audience: aud, CertsURL: local + certsPath}, "keys"},
		"keys off loopback":                 {Config{Team: local, Audience: aud, CertsURL: "https://evil.example/keys"}, "keys"},
		"a public URL without a scheme":     {Config{Team: team, Audience: aud, PublicURL: "ops.brand.example"}, "public URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(c.config)
			if c.wrong == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, errs.Invalid) || errs.Remedy(err) == "" || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v, with the remedy %q", err, errs.Remedy(err))
			}
		})
	}
}

func TestKeysComeFromTheTeam(t *testing.T) {
	t.Parallel()
	v, err := New(Config{Team: "https://brand.cloudflareaccess.com", Audience: strings.Repeat("0", 64)})
	if err != nil {
		t.Fatal(err)
	}
	if v.keys.url != "https://brand.cloudflareaccess.com/cdn-cgi/access/certs" {
		t.Errorf("keys come from %s", v.keys.url)
	}
}
