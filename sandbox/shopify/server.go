// Package shopify is a simulator of Shopify's Admin API: the GraphQL endpoint
// with its rate limit, search and paging, bulk operations, and the host that
// their results are downloaded from. It has memory and faults, serves tests,
// and runs as a program for development.
//
// It is ours, not Shopify's: it shows that a client behaves on the shapes that
// it knows, not that Shopify sends them. What is a guess is said where it is
// made.
package shopify

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

//go:embed schema.graphql
var schemaText string

// Config is what a simulator is made of.
type Config struct {
	Shop   Shop             // required
	Token  string           // the access token that requests must carry
	Domain string           // of the shop; default what the shop says itself
	Scopes []string         // granted to the token; nil stands for AllScopes
	Plan   Plan             // rate limit; default Plus
	Clock  func() time.Time // "now" of the shop, default time.Now
	Secret string           // client secret of the app, which signs webhooks

	// BulkDelay is how long a bulk operation takes besides writing its result:
	// a quarter of it CREATED, the rest RUNNING.
	BulkDelay time.Duration
	// Dir is where results are written. Default is a temporary directory,
	// removed by Close.
	Dir string
	// TagsFile is where the tags that apps added to products are kept for the next
	// simulator. Default is nowhere: the next one has none of them.
	TagsFile string
}

// AllScopes are the access scopes that the product asks for.
func AllScopes() []string {
	return []string{"read_all_orders", "read_customers", "read_orders", "read_products", "write_products"}
}

// Server is a running simulator. It is safe for concurrent use.
type Server struct {
	config  Config
	info    shop.Info
	zone    *time.Location
	schema  *ast.Schema
	types   map[string]fields
	roots   map[string]root
	bucket  *bucket
	secret  []byte // signs download addresses
	tempDir string // to be removed
	faults  Faults
	stats   stats
	tagged  *tagged // what config.Shop is

	mu         sync.Mutex
	operations []*operation // ascending by id
	prepared   []prepared
	refundOf   map[shop.ID]shop.ID // order by refund, of those told of
	running    sync.WaitGroup      // bulk operations and servers
	apiURL     string
	filesURL   string
	servers    []*http.Server
	webhooks   []string // addresses that want to be told
}

// New makes a simulator. Bad settings are [errs.Invalid].
func New(config Config) (*Server, error) {
	if config.Shop == nil || config.Token == "" {
		return nil, fmt.Errorf("shopify simulator: Shop and Token are required: %w", errs.Invalid)
	}
	if config.Scopes == nil {
		config.Scopes = AllScopes()
	}
	if config.Plan == 0 {
		config.Plan = Plus
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	s := &Server{config: config, info: config.Shop.Info(), types: objectTypes(), roots: rootFields(),
		refundOf: map[shop.ID]shop.ID{}, secret: make([]byte, 32)}
	if config.Domain != "" {
		s.info.Domain = config.Domain
	}
	if _, err := rand.Read(s.secret); err != nil {
		return nil, fmt.Errorf("shopify simulator: %w", err)
	}
	s.bucket = &bucket{plan: config.Plan, available: float64(config.Plan.bucket()), at: time.Now()}
	var err error
	if s.tagged, err = newTagged(config.Shop, config.TagsFile); err != nil {
		return nil, err
	}
	s.config.Shop = s.tagged
	if s.zone, err = time.LoadLocation(s.info.TimeZone); err != nil {
		return nil, fmt.Errorf("shopify simulator: time zone of the shop: %w: %w", err, errs.Invalid)
	}
	if s.schema, err = loadSchema(); err != nil {
		return nil, err
	}
	if config.Dir == "" {
		if s.tempDir, err = os.MkdirTemp("", "shopify-simulator-"); err != nil {
			return nil, fmt.Errorf("shopify simulator: %w", err)
		}
		s.config.Dir = s.tempDir
	}
	return s, nil
}

func loadSchema() (*ast.Schema, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
	if err != nil {
		return nil, fmt.Errorf("shopify simulator: schema: %w", err)
	}
	return schema, nil
}

// Listen serves the Admin API at addr, such as "127.0.0.1:0", and the download
// host, which is another origin, at a free port of the same host. Both run in
// the background until Close.
func (s *Server) Listen(addr string) error {
	api, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("shopify simulator: %w", err)
	}
	host, _, _ := net.SplitHostPort(api.Addr().String())
	files, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		api.Close()
		return fmt.Errorf("shopify simulator: %w", err)
	}
	s.mu.Lock()
	s.apiURL, s.filesURL = "http://"+api.Addr().String(), "http://"+files.Addr().String()
	s.mu.Unlock()
	s.serve(api, s)
	s.serve(files, http.HandlerFunc(s.download))
	return nil
}

func (s *Server) serve(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	s.running.Go(func() { _ = server.Serve(l) }) // ends with ErrServerClosed
}

// URL is the base URL of the Admin API, without a path. It is empty before
// Listen.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apiURL
}

// Close stops the listeners and the bulk operations and removes the temporary
// directory.
func (s *Server) Close() error {
	s.mu.Lock()
	servers := s.servers
	for _, op := range s.operations {
		op.stop()
	}
	s.mu.Unlock()
	for _, server := range servers {
		_ = server.Close() // nothing is left to be sent
	}
	s.running.Wait()
	if s.tempDir == "" {
		return nil
	}
	return os.RemoveAll(s.tempDir)
}

// Faults are the simulator's switches for what goes wrong.
func (s *Server) Faults() *Faults { return &s.faults }

// Stats counts what was asked of the simulator so far.
func (s *Server) Stats() Stats { return s.stats.snapshot() }

func (s *Server) now() time.Time { return s.config.Clock().UTC() }

func (s *Server) granted(scope string) bool {
	return scope == "" || slices.Contains(s.config.Scopes, scope)
}
