// Package shopify speaks with the Admin GraphQL API of one shop: it starts,
// watches and downloads bulk operations, and fetches by id what they leave
// out.
//
// All requests of a [Client] go through one place that keeps to Shopify's
// cost-based limit, repeats what may be repeated, and gives every refusal a
// kind of package errs. A wait of more than a minute is not slept here: it is
// returned as an errs.Unavailable with a method RetryAfter() time.Duration, so
// that a workflow can sleep durably.
//
// The documents that it sends are in the folder queries; a test holds them
// against Shopify's schema.
package shopify

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Version is the version of the Admin API that the documents are written for.
const Version = "2026-10"

// Config says which shop to speak with, and how patiently. Shop and Token are
// required; the zero value of the rest is good.
type Config struct {
	Shop    string       // brand.myshopify.com
	Token   string       // Admin API access token; sent to the Admin API only, never logged
	URL     string       // base URL in place of https://{Shop}, as a simulator or proxy has
	Version string       // of the Admin API; default [Version]
	HTTP    *http.Client // its transport is used; default: http.DefaultTransport's settings
	Retry   Retry
	Log     *slog.Logger // default: discards
}

// Client speaks with one shop. It is safe for concurrent use; all its calls
// share one view of the shop's cost bucket.
type Client struct {
	shop           string // as configured
	token, version string
	endpoint       string
	plain          bool // the API is reached without TLS, so downloads may be too
	api, files     *http.Client
	retry          Retry
	maxAnswer      int64 // bytes of one answer of the API, after decompression
	log            *slog.Logger
	documents      map[Document]string
	bucket         *bucket
	batches        batches

	mu       sync.Mutex
	scopes   map[string]bool // granted; nil until asked
	answered string          // version of the last answer
	warned   bool            // of an answer in another version
}

// Shopify's own documentation shows this expression without its end anchor,
// which would send the token to brand.myshopify.com.example.org.
var shopDomain = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com$`)

// New returns a client. It doesn't connect; [Client.Preflight] does.
func New(cfg Config) (*Client, error) {
	if !shopDomain.MatchString(cfg.Shop) {
		return nil, errs.WithRemedy(
			fmt.Errorf("shop %q is not a name like brand.myshopify.com: %w", clip(cfg.Shop), errs.Invalid),
			"Set MACRODATA_SHOPIFY_SHOP to the shop's myshopify.com domain, without https://.")
	}
	if cfg.Token == "" || strings.ContainsFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errs.WithRemedy(
			fmt.Errorf("token is empty or has characters that no token has: %w", errs.Invalid),
			"Set MACRODATA_SHOPIFY_TOKEN to the app's Admin API access token.")
	}
	base, err := baseURL(cfg)
	if err != nil {
		return nil, err
	}
	documents, err := loadDocuments()
	if err != nil {
		return nil, err
	}
	version := cmp.Or(cfg.Version, Version)
	api, files := httpClients(cfg.HTTP)
	return &Client{
		shop:      cfg.Shop,
		token:     cfg.Token,
		version:   version,
		endpoint:  base.JoinPath("admin/api", version, "graphql.json").String(),
		plain:     base.Scheme == "http",
		api:       api,
		files:     files,
		retry:     cfg.Retry.withDefaults(),
		maxAnswer: 64 << 20,
		log:       cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)).With("shop", cfg.Shop),
		documents: documents,
		bucket:    &bucket{costs: map[Document]float64{}},
	}, nil
}

func baseURL(cfg Config) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(cfg.URL, "https://"+cfg.Shop))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errs.WithRemedy(
			fmt.Errorf("url is not of the form https://host[:port][/path]: %w", errs.Invalid),
			"Correct MACRODATA_SHOPIFY_URL, or leave it empty to reach Shopify itself.")
	}
	return u, nil
}

// httpClients returns the client for the API and the one for downloads. The
// API's follows no redirect: net/http would carry the token to the new host.
func httpClients(given *http.Client) (api, files *http.Client) {
	var transport http.RoundTripper
	if given != nil {
		transport = given.Transport
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: stay}, &http.Client{Transport: transport}
}

// VersionAnswered returns the API version of the last answer, "" before the
// first. It differs from the configured one where that is retired: Shopify
// then answers in the oldest version it still has, without an error.
func (c *Client) VersionAnswered() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

func (c *Client) noteVersion(h http.Header) {
	got := h.Get("X-Shopify-API-Version")
	if got == "" {
		return
	}
	c.mu.Lock()
	c.answered = got
	warn := got != c.version && !c.warned
	c.warned = c.warned || warn
	c.mu.Unlock()
	if warn {
		c.log.Error("Shopify answers in another API version than asked for: the one we ask for is retired or unknown",
			"asked", c.version, "answered", clip(got))
	}
}

// clip shortens text that came from outside and takes line breaks and control
// characters out, so that it can stand in an error or a log line.
func clip(s string) string {
	const limit = 300
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r == ' ' || r == utf8.RuneError || !unicode.IsPrint(r)
	}), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
