package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shopify"
)

// envPrefix begins the name of every setting.
const envPrefix = "MACRODATA_"

// Secret is a setting that is never shown. It is given by NAME, or by
// NAME_FILE with the path of a file that holds it.
type Secret string

// String hides the secret from logs and prints.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString hides the secret where a configuration is printed as Go.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the secret from structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Config is everything that can be set, from the environment. The zero value
// of each works on a laptop; the help texts are printed by `macrodata config`.
type Config struct {
	DatabaseURL Secret `env:"DATABASE_URL" help:"direct connection to PostgreSQL 15 or newer; empty: a private cluster under MACRODATA_DATA_DIR"`
	DataDir     string `env:"DATA_DIR" envDefault:".macrodata" help:"folder of the private cluster, of objects, of the lakehouse and of what queries put aside"`
	BlobURL     string `env:"BLOB_URL" help:"object storage, file:///path or s3://bucket?region=…; empty: a folder under MACRODATA_DATA_DIR"`

	CatalogURL   string `env:"CATALOG_URL" help:"Iceberg REST catalog of the lakehouse; empty: a catalog in the database"`
	CatalogToken Secret `env:"CATALOG_TOKEN" help:"bearer token for MACRODATA_CATALOG_URL"`
	Warehouse    string `env:"WAREHOUSE" help:"files of the lakehouse, file:///path, s3://bucket/prefix?region=…&endpoint=…, or a REST catalog's name for it; empty: a folder under MACRODATA_DATA_DIR"`

	ShopifyShop  string `env:"SHOPIFY_SHOP" help:"brand.myshopify.com"`
	ShopifyToken Secret `env:"SHOPIFY_TOKEN" help:"Admin API access token"`
	ShopifyURL   string `env:"SHOPIFY_URL" help:"another base URL for the Admin API, as a proxy or simulator has"`

	ShopifyClientSecret Secret `env:"SHOPIFY_CLIENT_SECRET" help:"client secret of the app, by which webhooks are known to be Shopify's"`

	SyncSchedule  string        `env:"SYNC_SCHEDULE" envDefault:"0 6 * * *" help:"when a sync starts by itself, as a cron line in UTC; off: never"`
	SyncOverlap   time.Duration `env:"SYNC_OVERLAP" envDefault:"48h" help:"read again before the watermark"`
	SyncLag       time.Duration `env:"SYNC_LAG" envDefault:"5m" help:"left out before Shopify's clock"`
	SyncFloor     time.Duration `env:"SYNC_FLOOR" envDefault:"3072h" help:"an incremental sync reads back no further"`
	SyncSweep     time.Duration `env:"SYNC_SWEEP_EVERY" envDefault:"168h" help:"how often all ids are compared"`
	SyncPollMin   time.Duration `env:"SYNC_POLL_MIN" envDefault:"2s" help:"first wait between looks at a bulk operation"`
	SyncPollMax   time.Duration `env:"SYNC_POLL_MAX" envDefault:"1m" help:"longest wait between looks at a bulk operation"`
	SyncChunkRows int           `env:"SYNC_CHUNK_ROWS" envDefault:"5000" help:"rows of a transaction"`
	SyncPartBytes int64         `env:"SYNC_PART_BYTES" envDefault:"67108864" help:"bytes of an archived object"`
	SyncRejects   float64       `env:"SYNC_REJECT_SHARE" envDefault:"0.01" help:"a larger share of rejected lines fails the run"`

	LakeSchedule      string        `env:"LAKE_SCHEDULE" envDefault:"30 3 * * *" help:"when the lakehouse is put in order, as a cron line in UTC; off: never"`
	LakeFlushRows     int           `env:"LAKE_FLUSH_ROWS" envDefault:"262144" help:"facts that wait before the lakehouse takes them over, and the most that it takes at once"`
	LakeFlushAge      time.Duration `env:"LAKE_FLUSH_AGE" envDefault:"10s" help:"how long the oldest of them waits at most"`
	LakeKeepSnapshots time.Duration `env:"LAKE_KEEP_SNAPSHOTS" envDefault:"24h" help:"how long a state of a table can be read that no run left"`
	LakeKeepTags      time.Duration `env:"LAKE_KEEP_TAGS" envDefault:"2160h" help:"how long a state of a table can be read that a run left"`
	LakeKeepTelemetry time.Duration `env:"LAKE_KEEP_TELEMETRY" envDefault:"17544h" help:"how long events of runs are kept"`
	LakeMemory        int64         `env:"LAKE_MEMORY" envDefault:"536870912" help:"bytes of memory for queries of the lakehouse; what needs more goes to the disk"`
	RollupMemory      int64         `env:"ROLLUP_MEMORY" envDefault:"134217728" help:"bytes of memory for what tags sold by day, so that the same isn't counted twice; 0: none"`

	Listen         string `env:"LISTEN" envDefault:"127.0.0.1:8080" help:"where the API listens, host:port; what Cloudflare's tunnel points to"`
	OpsListen      string `env:"OPS_LISTEN" envDefault:"127.0.0.1:9090" help:"where /healthz, /readyz and /metrics are, host:port, for machines and without sign-in; off: nowhere"`
	WebhookListen  string `env:"WEBHOOK_LISTEN" envDefault:"off" help:"where Shopify's webhooks come in, at /webhooks/shopify, host:port; off: nowhere"`
	AccessTeam     string `env:"ACCESS_TEAM" help:"who signs staff in, https://team.cloudflareaccess.com"`
	AccessAudience string `env:"ACCESS_AUD" help:"AUD tag of the Access application"`
	AccessCertsURL string `env:"ACCESS_CERTS_URL" help:"where the keys of a team on this machine are; those of Cloudflare's teams are known"`
	PublicURL      string `env:"PUBLIC_URL" help:"address of the dashboard in browsers, where a proxy in between changes the host"`
	Role           Role   `env:"ROLE" envDefault:"all" help:"what a process does: all, web (answers requests, leaves runs to others) or worker (does runs, answers no requests)"`

	AlertWebhook Secret `env:"ALERT_WEBHOOK" help:"address that gets a message when something goes wrong, such as a chat's incoming webhook, https; empty: nobody is told"`

	RetentionSchedule string        `env:"RETENTION_SCHEDULE" envDefault:"30 4 * * *" help:"when what is too old is deleted, as a cron line in UTC; off: never"`
	KeepRuns          time.Duration `env:"KEEP_RUNS" envDefault:"2160h" help:"how long the steps of runs are kept that are over"`
	KeepArchives      time.Duration `env:"KEEP_ARCHIVES" envDefault:"4320h" help:"how long files of Shopify are kept after their run"`
	KeepRejects       time.Duration `env:"KEEP_REJECTS" envDefault:"2160h" help:"how long what was rejected is kept after its run"`
	KeepAudit         time.Duration `env:"KEEP_AUDIT" envDefault:"61362h" help:"how long is known who changed what, and can be undone"`
	KeepWebhooks      time.Duration `env:"KEEP_WEBHOOKS" envDefault:"720h" help:"how long is known which webhooks came"`
	KeepAlerts        time.Duration `env:"KEEP_ALERTS" envDefault:"2160h" help:"how long is known what was told to MACRODATA_ALERT_WEBHOOK"`

	RetryDelay time.Duration `env:"RETRY_DELAY" envDefault:"10s" help:"wait before the second attempt of a step, doubled for each later one"`
	RetryMax   time.Duration `env:"RETRY_MAX" envDefault:"5m" help:"longest of these waits"`
	RetryLimit int           `env:"RETRY_LIMIT" envDefault:"5" help:"attempts of a step after the first"`

	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" help:"text or json"`
	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"WARN" help:"DEBUG, INFO, WARN or ERROR"`

	FaultPoint string `env:"FAULT_POINT" help:"for tests: kill the process at a step, as step:before or step:after, or at boundary number N"`
}

// Load reads the configuration from an environment such as os.Environ() gives.
// A name that begins with MACRODATA_ and is no setting is an error, for it is
// probably a mistyped one.
func Load(environ []string) (c Config, err error) {
	given := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, envPrefix) {
			given[k] = v
		}
	}
	if err := readFiles(given); err != nil {
		return c, err
	}
	known := map[string]bool{}
	for _, s := range c.Settings() {
		known[s.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			return c, errs.WithRemedy(fmt.Errorf("%s is no setting: %w", name, errs.Invalid),
				"see `macrodata config` for the names; unset it otherwise")
		}
	}
	if err := env.ParseWithOptions(&c, env.Options{Environment: given, Prefix: envPrefix}); err != nil {
		return c, parseError(err)
	}
	return c, errs.WithRemedy(c.check(), "correct it, or unset it for its default, which `macrodata config` shows")
}

// readFiles replaces NAME_FILE of a secret by NAME.
func readFiles(given map[string]string) error {
	for _, s := range (Config{}).Settings() {
		path, ok := given[s.Name+"_FILE"]
		if !s.secret || !ok {
			continue
		}
		if _, both := given[s.Name]; both {
			return errs.WithRemedy(fmt.Errorf("%s and %s_FILE are both set: %w", s.Name, s.Name, errs.Invalid), "unset one of them")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return errs.WithRemedy(fmt.Errorf("%s_FILE: %w: %w", s.Name, err, errs.Invalid), "name a file that this user can read")
		}
		given[s.Name] = strings.TrimSpace(string(text))
		delete(given, s.Name+"_FILE")
	}
	return nil
}

// parseError names the settings that can't be read, without their values.
func parseError(err error) error {
	var all env.AggregateError
	names := []string{}
	if errors.As(err, &all) {
		for _, one := range all.Errors {
			var p env.ParseError
			if errors.As(one, &p) {
				f, _ := reflect.TypeOf(Config{}).FieldByName(p.Name)
				names = append(names, envPrefix+f.Tag.Get("env")+" is no "+describe(p.Type))
			}
		}
	}
	return errs.WithRemedy(fmt.Errorf("settings can't be read: %s: %w", strings.Join(names, ", "), errs.Invalid),
		"see `macrodata config` for their defaults; durations are written like 90s, 5m, 48h")
}

// describe names a setting's type for people.
func describe(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[slog.Level]():
		return "log level"
	case t.Kind() == reflect.Float64:
		return "number"
	}
	return "whole number"
}

func (c Config) check() error {
	switch {
	case c.LogFormat != "text" && c.LogFormat != "json":
		return fmt.Errorf("MACRODATA_LOG_FORMAT is neither text nor json: %w", errs.Invalid)
	case c.SyncChunkRows < 1 || c.SyncChunkRows > 50_000:
		return fmt.Errorf("MACRODATA_SYNC_CHUNK_ROWS is not between 1 and 50,000: %w", errs.Invalid)
	case c.SyncPartBytes < 1<<16:
		return fmt.Errorf("MACRODATA_SYNC_PART_BYTES is less than 65,536: %w", errs.Invalid)
	case c.SyncOverlap < 0 || c.SyncLag < 0 || c.SyncFloor < 0:
		return fmt.Errorf("MACRODATA_SYNC_OVERLAP, _LAG and _FLOOR must not be negative: %w", errs.Invalid)
	}
	for _, check := range []func() error{c.checkDoor, c.checkAlerts, c.checkRetention} {
		if err := check(); err != nil {
			return err
		}
	}
	return c.checkLake()
}

// Setting is one line of `macrodata config`.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // redacted where it is a secret
	Default string `json:"default"`
	Help    string `json:"help"`
	secret  bool
}

// Settings lists all settings with their values, secrets redacted.
func (c Config) Settings() []Setting {
	v := reflect.ValueOf(c)
	list := make([]Setting, v.NumField())
	for i := range list {
		f := v.Type().Field(i)
		_, secret := v.Field(i).Interface().(Secret)
		list[i] = Setting{
			Name: envPrefix + f.Tag.Get("env"), Value: fmt.Sprint(v.Field(i).Interface()),
			Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"), secret: secret,
		}
	}
	return list
}

// secrets are the words that nothing may show.
func (c Config) secrets() (words []string) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if s, ok := v.Field(i).Interface().(Secret); ok && s != "" {
			words = append(words, string(s))
		}
	}
	return words
}

// CheckShopify refuses settings by which no shop can be reached. It doesn't
// connect.
func (c Config) CheckShopify() error {
	_, err := c.newShopify(nil)
	return err
}

func (c Config) newShopify(log *slog.Logger) (*shopify.Client, error) {
	return shopify.New(shopify.Config{Shop: c.ShopifyShop, Token: string(c.ShopifyToken), URL: c.ShopifyURL, Log: log})
}

// blobURL is where objects are, made from the data folder where nothing is set.
func (c Config) blobURL(dataDir string) (string, error) {
	if c.BlobURL != "" {
		return c.BlobURL, nil
	}
	path, err := filepath.Abs(filepath.Join(dataDir, "objects"))
	return "file://" + filepath.ToSlash(path), err
}
