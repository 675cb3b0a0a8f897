package access

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

const (
	refreshEvery = time.Hour       // keys rotate every six weeks
	refreshPause = time.Minute     // at least, between two fetches
	fetchTimeout = 5 * time.Second // of one fetch, with its body
	maxKeySet    = 64 << 10        // bytes; Cloudflare's has a few thousand
	minKeyBits   = 2048            // of an RSA modulus
	maxKeyBits   = 8192            // what is larger costs too much to use
)

// verifiers holds one verifier for each key of a set, by the key's id.
type verifiers map[string]*oidc.IDTokenVerifier

// keySet holds the keys of one team as they were last published. A key is good
// for as long as the set names it. A fetch that fails leaves the keys as they
// are, and no two begin within a minute, whoever asks and however often: tokens
// come from anybody.
type keySet struct {
	url    string
	client *http.Client
	clock  func() time.Time
	log    *slog.Logger
	use    func(*rsa.PublicKey) *oidc.IDTokenVerifier
	known  atomic.Pointer[verifiers]

	turn    chan struct{} // full while somebody fetches; guards what follows
	fetched time.Time     // when the last fetch began
	failed  error         // what became of it
}

func newKeySet(url string, clock func() time.Time, log *slog.Logger, use func(*rsa.PublicKey) *oidc.IDTokenVerifier) *keySet {
	s := &keySet{url: url, clock: clock, log: log, use: use, turn: make(chan struct{}, 1)}
	s.client = &http.Client{
		Timeout: fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the keys are where they should be or nowhere
		},
	}
	s.known.Store(&verifiers{})
	return s
}

// find returns the verifier for a key, and fetches the set if it isn't known
// and the last fetch is a minute ago. Where that fails it is
// [errs.Unavailable], for then the key may be good; a key that the set lacks
// has no kind.
func (s *keySet) find(ctx context.Context, kid string) (*oidc.IDTokenVerifier, error) {
	if v, ok := (*s.known.Load())[kid]; ok {
		return v, nil
	}
	if err := s.refresh(ctx); err != nil {
		return nil, fmt.Errorf("keys of the team: %w: %w", err, errs.Unavailable)
	}
	if v, ok := (*s.known.Load())[kid]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("the team has no key %.80q", kid)
}

// refresh fetches the set. Within a minute of the last fetch it returns what
// became of that one instead.
func (s *keySet) refresh(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := s.clock()
	if !s.fetched.IsZero() && now.Sub(s.fetched) < refreshPause {
		return s.failed
	}
	s.fetched = now
	// Others wait for the outcome too, so it must not hang on one's request.
	found, err := s.fetch(context.WithoutCancel(ctx))
	if s.failed = err; err != nil {
		s.log.WarnContext(ctx, "keys of cloudflare access can't be fetched; those known stay good",
			"known", len(*s.known.Load()), "reason", err)
		return err
	}
	s.known.Store(&found)
	return nil
}

// run refreshes at once and then every hour, or as soon as allowed after a
// failure. The jitter keeps processes that were started together apart.
func (s *keySet) run(ctx context.Context) {
	for {
		wait := refreshEvery
		if s.refresh(ctx) != nil {
			wait = refreshPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + rand.N(wait/10)):
		}
	}
}

func (s *keySet) fetch(ctx context.Context) (verifiers, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", s.url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("the set has over %d bytes", maxKeySet)
	}
	return s.parse(body)
}

// parse reads a set of keys, without the certificates that Cloudflare puts
// beside them. Keys of no use here are left out; a set without any other is an
// error, for nobody could sign in with it.
func (s *keySet) parse(body []byte) (verifiers, error) {
	var set struct {
		Keys []webKey `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("the answer is no set of keys: %w", err)
	}
	found := verifiers{}
	for _, k := range set.Keys {
		key, err := k.public()
		if err != nil {
			s.log.Warn("key of cloudflare access left out", "kid", fmt.Sprintf("%.80q", k.ID), "reason", err)
			continue
		}
		found[k.ID] = s.use(key)
	}
	if len(found) == 0 {
		return nil, errors.New("the set has no key for RS256")
	}
	return found, nil
}

// webKey is an RSA key as RFC 7517 writes it.
type webKey struct {
	ID       string `json:"kid"`
	Type     string `json:"kty"`
	Alg      string `json:"alg"`
	Use      string `json:"use"`
	Modulus  string `json:"n"`
	Exponent string `json:"e"`
}

func (k webKey) public() (*rsa.PublicKey, error) {
	switch {
	case k.ID == "":
		return nil, errors.New("no kid")
	case k.Type != "RSA":
		return nil, fmt.Errorf("kty %.20q", k.Type)
	case k.Use != "" && k.Use != "sig":
		return nil, fmt.Errorf("use %.20q", k.Use)
	case k.Alg != "" && k.Alg != "RS256":
		return nil, fmt.Errorf("alg %.20q", k.Alg)
	}
	n, err1 := base64.RawURLEncoding.DecodeString(k.Modulus)
	e, err2 := base64.RawURLEncoding.DecodeString(k.Exponent)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fmt.Errorf("%d bits", bits)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil, errors.New("exponent out of range")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}
