package access

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

const (
	tokenHeader  = "Cf-Access-Jwt-Assertion"
	mailHeader   = "Cf-Access-Authenticated-User-Email"
	idHeader     = "Cf-Access-Client-Id"
	secretHeader = "Cf-Access-Client-Secret"
	cookieName   = "CF_Authorization"
)

// EdgeConfig is what an edge is made of.
type EdgeConfig struct {
	Issuer *Issuer // required
	Origin string  // base URL of the program behind it; required
	// Visitor is the mail address of the member of Staff that a browser without
	// a session is signed in as. Where it is empty, the sign-in page asks.
	Visitor string
}

// Edge is Cloudflare's side of one application: it lets through who is signed
// in, or has a service token, with a token of the issuer's on each request. It
// is safe for concurrent use.
type Edge struct {
	issuer   *Issuer
	visitor  string
	proxy    http.Handler
	pages    http.Handler
	listener listener

	mu       sync.Mutex
	sessions map[string]session // by their token, which is the cookie's value
}

// session is a sign-in. A person's browsers share one, while it is good.
type session struct {
	token   string
	mail    string // empty for a service
	kid     string
	expires time.Time
}

// NewEdge makes an edge. Bad settings are [errs.Invalid].
func NewEdge(c EdgeConfig) (*Edge, error) {
	origin, err := url.Parse(c.Origin)
	if c.Issuer == nil || err != nil || origin.Scheme == "" || origin.Host == "" {
		return nil, fmt.Errorf("access simulator: an edge needs an issuer and the URL of an origin, not %q: %w", c.Origin, errs.Invalid)
	}
	if c.Visitor != "" && !isStaff(c.Visitor) {
		return nil, fmt.Errorf("access simulator: %q is not of the staff: %w", c.Visitor, errs.Invalid)
	}
	e := &Edge{issuer: c.Issuer, visitor: c.Visitor, sessions: map[string]session{}}
	e.pages = e.accessPages()
	e.proxy = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { forward(r, origin) },
		FlushInterval: -1, // each write at once: events are streamed
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "The program behind the access simulator doesn't answer.", http.StatusBadGateway)
		},
	}
	return e, nil
}

// Listen serves at addr, such as "127.0.0.1:0", until Close.
func (e *Edge) Listen(addr string) error { return e.listener.listen(addr, e) }

// URL is the address that people open. It is empty before Listen.
func (e *Edge) URL() string { return e.listener.address() }

// Close stops the listener, and cuts what is still streamed.
func (e *Edge) Close() error { return e.listener.close() }

// ServeHTTP passes a request on for who is signed in, and asks everybody else
// to: browsers that navigate with the sign-in page, the rest with 401.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/cdn-cgi/access/") {
		e.pages.ServeHTTP(w, r)
		return
	}
	s, ok := e.sessionOf(r)
	switch {
	case ok:
	case isService(r):
		http.Error(w, "The service token isn't valid.", http.StatusUnauthorized)
		return
	case e.visitor != "":
		s = e.signIn(e.visitor)
		http.SetCookie(w, cookie(s.token))
	case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
		http.Redirect(w, r, loginPath+"?redirect_url="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
		return
	default:
		http.Error(w, "You are not signed in.", http.StatusUnauthorized)
		return
	}
	for name := range r.Header { // only the edge says who somebody is
		if strings.HasPrefix(name, "Cf-Access-") {
			delete(r.Header, name)
		}
	}
	r.Header.Set(tokenHeader, s.token)
	if s.mail != "" {
		r.Header.Set(mailHeader, s.mail)
	}
	e.proxy.ServeHTTP(w, r)
}

// forward sends a request to the origin under the host that the browser knows.
func forward(r *httputil.ProxyRequest, origin *url.URL) {
	r.SetURL(origin)
	r.Out.Host = r.In.Host
	r.SetXForwarded()
}
