package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/macrodata-dev/macrodata/internal/access"
	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/webhook"
	"github.com/macrodata-dev/macrodata/web"
)

const drainLimit = 20 * time.Second // for requests under way when the program ends

// Server is the door of the program: the API, behind Cloudflare Access, and on
// addresses of their own what machines ask of a process and what Shopify tells.
type Server struct {
	app            *App
	api            *api.API
	verifier       *access.Verifier
	web, ops, hook *listening // nil where there is none
	draining       atomic.Bool
}

// listening is a server and where it listens.
type listening struct {
	http.Server
	net.Listener
}

// NewServer opens the addresses that the role has. Nothing is answered before
// Run.
func NewServer(a *App) (_ *Server, err error) {
	s := &Server{app: a}
	m := newMetrics(a.DB, a.Log)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if a.Config.Role != RoleWorker {
		if s.verifier, err = a.Config.newVerifier(a.Log); err != nil {
			return nil, err
		}
		if s.api, err = a.newAPI(m.observe); err != nil {
			return nil, err
		}
		if s.web, err = s.listen("LISTEN", a.Config.Listen, s.staff()); err != nil {
			return nil, err
		}
		if err = s.listenForWebhooks(); err != nil {
			return nil, err
		}
	}
	if a.Config.OpsListen != off {
		if s.ops, err = s.listen("OPS_LISTEN", a.Config.OpsListen, s.machines(m)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// listenForWebhooks opens the address where Shopify comes, which isn't behind
// Access: nothing else is there.
func (s *Server) listenForWebhooks() error {
	c := s.app.Config
	if c.WebhookListen == off {
		return nil
	}
	h, err := webhook.New(webhook.Config{DB: s.app.DB, Secret: string(c.ShopifyClientSecret), Shop: c.ShopifyShop, Log: s.app.Log})
	if err == nil {
		s.hook, err = s.listen("WEBHOOK_LISTEN", c.WebhookListen, h)
	}
	return err
}

// listen opens an address. Its limits are what [api] expects; bodies and
// streams have their own.
func (s *Server) listen(setting, addr string, h http.Handler) (*listening, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errs.WithRemedy(fmt.Errorf("%s%s: %w: %w", envPrefix, setting, err, errs.Conflict),
			"stop what listens there, or set "+envPrefix+setting+" to another address")
	}
	return &listening{http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.app.Log.Handler(), slog.LevelDebug),
	}, l}, nil
}

// URL is where the API is, "" in workers. Requests without a token get nothing
// there.
func (s *Server) URL() string { return s.web.url() }

// OpsURL is where machines ask, "" where that is off.
func (s *Server) OpsURL() string { return s.ops.url() }

// WebhookURL is where Shopify's webhooks come in, "" where that is off.
func (s *Server) WebhookURL() string {
	if s.hook == nil {
		return ""
	}
	return s.hook.url() + webhook.Path
}

// all lists the addresses that are open.
func (s *Server) all() (open []*listening) {
	for _, l := range []*listening{s.web, s.hook, s.ops} {
		if l != nil {
			open = append(open, l)
		}
	}
	return open
}

func (l *listening) url() string {
	if l == nil {
		return ""
	}
	return "http://" + l.Listener.Addr().String()
}

// staff serves people and their programs.
func (s *Server) staff() http.Handler {
	endpoints, pages := s.api.Handler(), web.Handler()
	signed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			pages.ServeHTTP(w, r)
			return
		}
		p, _ := access.From(r.Context())
		ctx := api.WithPrincipal(r.Context(), api.Principal{Kind: string(p.Kind), Name: p.Name, Expires: p.Expires})
		endpoints.ServeHTTP(w, r.WithContext(ctx))
	})
	return s.verifier.Protect(signed, func(w http.ResponseWriter, r *http.Request, err error) {
		status := http.StatusUnauthorized
		if refusal, ok := errors.AsType[access.Refusal](err); ok {
			status = refusal.Status
		}
		s.api.Refuse(w, r, status, err)
	})
}

// machines serves what watches over the process. A process that lives is
// healthy: to start it anew because its database is away would help nobody.
func (s *Server) machines(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", m.handler())
	return mux
}

// ready says whether requests are well sent here.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTime)
	defer cancel()
	switch {
	case s.draining.Load():
		http.Error(w, "the program is about to end", http.StatusServiceUnavailable)
	case s.app.DB.Pool().Ping(ctx) != nil:
		http.Error(w, "the database doesn't answer", http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ok")
	}
}

// Run answers until ctx ends. Then it says that it isn't ready any more, ends
// the streams, and lets requests under way finish for up to 20 seconds. It
// closes the server.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range s.all() {
		g.Go(func() error {
			if err := l.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	if s.web != nil {
		g.Go(func() error { s.verifier.Run(ctx); return nil })
	}
	g.Go(func() error {
		<-ctx.Done()
		s.drain(context.WithoutCancel(ctx))
		return nil
	})
	return g.Wait()
}

// drain ends the server in order; what machines ask is answered to the last.
func (s *Server) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	s.draining.Store(true)
	if s.web != nil {
		s.api.Drain()
	}
	for _, l := range []*listening{s.web, s.hook} {
		if l == nil {
			continue
		}
		if err := l.Shutdown(ctx); err != nil {
			s.app.Log.Warn("requests were cut, for they took too long to end", "error", err)
		}
	}
	s.Close()
}

// Close closes the addresses, and cuts what is still answered there. After Run
// there is nothing left to close.
func (s *Server) Close() {
	for _, l := range s.all() {
		l.Server.Close()   //nolint:errcheck // nothing is lost
		l.Listener.Close() //nolint:errcheck // as above; Server knows it only from Serve on
	}
}
