// Package access is a simulator of Cloudflare Access: an [Issuer], which is
// the team that signs tokens and publishes its keys, and an [Edge], which
// stands in front of a program, signs people in, and puts their token on each
// request. Both serve tests and run as programs for development.
//
// Tokens, keys and headers have the shapes that Cloudflare documents. What is
// a guess is said where it is made.
package access

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// CertsPath is where an issuer publishes its keys.
const CertsPath = "/cdn-cgi/access/certs"

var audienceTag = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Config is what an issuer is made of. The zero value is a good one.
type Config struct {
	Audience string            // AUD tag of the application; default a random one
	Keys     []*rsa.PrivateKey // newest first; default two new ones of 2048 bits
	Session  time.Duration     // how long tokens are good, default 24 hours
	Clock    func() time.Time  // default time.Now
}

// Issuer is a team of Cloudflare Access with one application. It is safe for
// concurrent use.
type Issuer struct {
	audience string
	session  time.Duration
	clock    func() time.Time
	listener listener
	fetches  atomic.Int64

	mu       sync.Mutex
	keys     []signingKey // newest first: the first signs, all are published
	services map[string]string
	broken   http.HandlerFunc
}

// NewIssuer makes an issuer. Bad settings are [errs.Invalid].
func NewIssuer(c Config) (*Issuer, error) {
	if c.Audience == "" {
		c.Audience = randomHex(32)
	}
	if !audienceTag.MatchString(c.Audience) {
		return nil, fmt.Errorf("access simulator: audience %q is not 64 digits of lower-case hex: %w", c.Audience, errs.Invalid)
	}
	if c.Session == 0 {
		c.Session = 24 * time.Hour
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	i := &Issuer{audience: c.Audience, session: c.Session, clock: c.Clock, services: map[string]string{}}
	for len(c.Keys) < 2 { // as Cloudflare: the one in use, and the one before
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		c.Keys = append(c.Keys[:len(c.Keys):len(c.Keys)], key)
	}
	for _, key := range c.Keys {
		k, err := publish(key, i.now())
		if err != nil {
			return nil, err
		}
		i.keys = append(i.keys, k)
	}
	return i, nil
}

// Listen serves the keys at addr, such as "127.0.0.1:0", until Close.
func (i *Issuer) Listen(addr string) error { return i.listener.listen(addr, i) }

// URL is the team domain, which tokens name as their issuer. It is empty
// before Listen.
func (i *Issuer) URL() string { return i.listener.address() }

// Audience is the AUD tag of the application.
func (i *Issuer) Audience() string { return i.audience }

// Close stops the listener.
func (i *Issuer) Close() error { return i.listener.close() }

// Fetches counts the requests for the keys so far, also those that failed.
func (i *Issuer) Fetches() int { return int(i.fetches.Load()) }

// Break lets answer reply to requests for the keys, until Break(nil).
func (i *Issuer) Break(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.broken = answer
}

// ServeHTTP answers with the keys, at CertsPath.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != CertsPath || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	i.fetches.Add(1)
	i.mu.Lock()
	broken, keys := i.broken, i.keys
	i.mu.Unlock()
	if broken != nil {
		broken(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(certsOf(keys)) // a client that went away needs no answer
}

// Rotate lets a new key sign from now on. The one before stays published, and
// all others go.
func (i *Issuer) Rotate() error {
	key, err := newKey()
	if err != nil {
		return err
	}
	k, err := publish(key, i.now())
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []signingKey{k, i.keys[0]}
	return nil
}

func (i *Issuer) current() signingKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0]
}

// publishes says whether a key is still among the published ones.
func (i *Issuer) publishes(kid string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		if k.public.KeyID == kid {
			return true
		}
	}
	return false
}

func (i *Issuer) now() time.Time { return i.clock().UTC() }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
