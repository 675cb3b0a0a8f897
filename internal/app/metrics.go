package app

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/macrodata-dev/macrodata/internal/outbox"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/webhook"
)

// metrics are what a process tells Prometheus: of its own requests, and of what
// the database knows. No label holds an id.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(db *pg.DB, log *slog.Logger) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "macrodata_http_request_duration_seconds", Help: "How long requests took. Streams of events count when they end.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method", "code"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, buildInfo(), newStored(db, log))
	return m
}

func buildInfo() prometheus.Collector {
	labels := prometheus.Labels{"version": "", "go": ""}
	if info, ok := debug.ReadBuildInfo(); ok {
		labels["version"], labels["go"] = info.Main.Version, info.GoVersion
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "macrodata_build_info", Help: "Which program this is. The value is always 1.", ConstLabels: labels,
	}, func() float64 { return 1 })
}

// observe counts a request by its pattern, "GET /api/me". Those that were refused
// before they had one are one route together, so that nobody can make up labels.
func (m *metrics) observe(pattern string, status int, took time.Duration) {
	method, route, ok := strings.Cut(pattern, " ")
	if !ok {
		method, route = "", "none"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// handler answers Prometheus. What can't be read is left out.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 2, Timeout: 2 * probeTime,
	})
}

// stored collects what the database knows when Prometheus asks. All processes
// tell the same of it.
type stored struct {
	db  *pg.DB
	log *slog.Logger

	up, runs, took, success, rows, age, webhooks *prometheus.Desc
}

func newStored(db *pg.DB, log *slog.Logger) *stored {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("macrodata_"+name, help, labels, nil)
	}
	return &stored{
		db: db, log: log,
		up:       desc("database_up", "Whether the database told all of what it is asked here: 1 or 0."),
		runs:     desc("runs", "Runs there are.", "scenario", "status"),
		took:     desc("run_duration_seconds", "How long the runs took that are over.", "scenario", "status"),
		success:  desc("sync_last_success_timestamp_seconds", "When a run went well last.", "scenario"),
		rows:     desc("outbox_rows", "Rows that wait for the lakehouse.", "stream"),
		age:      desc("outbox_oldest_seconds", "How long the oldest of them has waited.", "stream"),
		webhooks: desc("webhook_last_received_timestamp_seconds", "When Shopify delivered something of a topic last.", "topic"),
	}
}

// Describe says what there is to collect.
func (s *stored) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.up, s.runs, s.took, s.success, s.rows, s.age, s.webhooks} {
		to <- d
	}
}

// Collect reads it. A database that is away costs what it knows, and not the rest.
func (s *stored) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	up := 1.0
	for _, collect := range []func(context.Context, chan<- prometheus.Metric) error{s.collectRuns, s.collectOutbox, s.collectWebhooks} {
		if err := collect(ctx, to); err != nil {
			s.log.WarnContext(ctx, "metrics can't be read from the database", "error", err)
			up = 0
			break
		}
	}
	to <- gauge(s.up, up)
}

func (s *stored) collectRuns(ctx context.Context, to chan<- prometheus.Metric) error {
	totals, err := pgdb.New(s.db).RunTotals(ctx)
	if err != nil {
		return err
	}
	for _, t := range totals {
		to <- gauge(s.runs, float64(t.Runs), t.Scenario, t.Status)
		if t.Timed > 0 {
			to <- prometheus.MustNewConstSummary(s.took, uint64(t.Timed), t.Seconds, nil, t.Scenario, t.Status)
		}
	}
	successes, err := pgdb.New(s.db).LastSuccesses(ctx)
	for _, l := range successes {
		to <- gauge(s.success, seconds(l.At), l.Scenario)
	}
	return err
}

func (s *stored) collectOutbox(ctx context.Context, to chan<- prometheus.Metric) error {
	streams, err := outbox.Status(ctx, s.db)
	for _, one := range streams {
		to <- gauge(s.rows, float64(one.Rows), one.Stream)
		to <- gauge(s.age, one.Age.Seconds(), one.Stream)
	}
	return err
}

func (s *stored) collectWebhooks(ctx context.Context, to chan<- prometheus.Metric) error {
	last, err := webhook.Last(ctx, s.db)
	for topic, at := range last {
		to <- gauge(s.webhooks, seconds(at), topic)
	}
	return err
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// seconds is an instant as Prometheus has them.
func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
