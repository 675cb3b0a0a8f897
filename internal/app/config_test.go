package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestLoadReads(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("shpat_in_a_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		environ []string
		ok      func(Config) bool
	}{
		"nothing: the defaults": {nil, func(c Config) bool {
			return c.DataDir == ".macrodata" && c.SyncOverlap == 48*time.Hour && c.SyncChunkRows == 5000 &&
				c.RetryLimit == 5 && c.LogLevel == slog.LevelWarn && c.LogFormat == "text" && c.DatabaseURL == ""
		}},
		"settings of every type": {
			[]string{"MACRODATA_SYNC_LAG=90s", "MACRODATA_SYNC_PART_BYTES=65536", "MACRODATA_SYNC_REJECT_SHARE=0.5", "MACRODATA_LOG_LEVEL=DEBUG"},
			func(c Config) bool {
				return c.SyncLag == 90*time.Second && c.SyncPartBytes == 65536 && c.SyncRejects == 0.5 && c.LogLevel == slog.LevelDebug
			},
		},
		"only what begins with MACRODATA_": {
			[]string{"SYNC_LAG=90s", "macrodata_sync_lag=90s", "PATH=/bin", "no equals sign"},
			func(c Config) bool { return c.SyncLag == 5*time.Minute },
		},
		"a warehouse by the name that a catalog has for it": {
			[]string{"MACRODATA_CATALOG_URL=https://catalog.example/v1", "MACRODATA_WAREHOUSE=brand_lake", "MACRODATA_CATALOG_TOKEN=cat_1"},
			func(c Config) bool { return c.Warehouse == "brand_lake" && c.CatalogToken == "cat_1" },
		},
		"a warehouse in a bucket": {
			[]string{"MACRODATA_WAREHOUSE=s3://bucket/lake?region=auto&endpoint=https://s3.example"},
			func(c Config) bool { return strings.HasPrefix(c.Warehouse, "s3://bucket/lake?") },
		},
		"a value with an equals sign": {
			[]string{"MACRODATA_BLOB_URL=s3://bucket?region=eu-west-1"},
			func(c Config) bool { return c.BlobURL == "s3://bucket?region=eu-west-1" },
		},
		"a secret from a file, without the newline at its end": {
			[]string{"MACRODATA_SHOPIFY_TOKEN_FILE=" + secret},
			func(c Config) bool { return c.ShopifyToken == "shpat_in_a_file" },
		},
		"the later of two equal names": {
			[]string{"MACRODATA_SHOPIFY_SHOP=a.myshopify.com", "MACRODATA_SHOPIFY_SHOP=b.myshopify.com"},
			func(c Config) bool { return c.ShopifyShop == "b.myshopify.com" },
		},
		"an empty value as the default": {
			[]string{"MACRODATA_SYNC_LAG=", "MACRODATA_DATA_DIR="},
			func(c Config) bool { return c.SyncLag == 5*time.Minute && c.DataDir == ".macrodata" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := Load(test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if !test.ok(c) {
				t.Errorf("Load gave %+v", c)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		names   []string // what the error must hold
		hides   string   // what it must not
	}{
		"a name that is no setting": {
			[]string{"MACRODATA_SHOPIFY_SHPO=x.myshopify.com"}, []string{"MACRODATA_SHOPIFY_SHPO is no setting"}, "x.myshopify",
		},
		"a name in another case": {
			[]string{"MACRODATA_Sync_Lag=90s"}, []string{"MACRODATA_Sync_Lag is no setting"}, "90s",
		},
		"the file of what is no secret": {
			[]string{"MACRODATA_SHOPIFY_SHOP_FILE=/etc/shop"}, []string{"MACRODATA_SHOPIFY_SHOP_FILE is no setting"}, "/etc/shop",
		},
		"a secret and its file": {
			[]string{"MACRODATA_SHOPIFY_TOKEN=shpat_1", "MACRODATA_SHOPIFY_TOKEN_FILE=/run/token"},
			[]string{"MACRODATA_SHOPIFY_TOKEN and MACRODATA_SHOPIFY_TOKEN_FILE are both set"}, "shpat_1",
		},
		"a file that is missing": {
			[]string{"MACRODATA_DATABASE_URL_FILE=/nowhere/at/all"}, []string{"MACRODATA_DATABASE_URL_FILE", "/nowhere/at/all"}, "",
		},
		"no duration": {
			[]string{"MACRODATA_SYNC_LAG=shpat_pasted"}, []string{"MACRODATA_SYNC_LAG is no duration"}, "shpat_pasted",
		},
		"several that can't be read": {
			[]string{"MACRODATA_SYNC_LAG=5 m", "MACRODATA_SYNC_CHUNK_ROWS=many"},
			[]string{"MACRODATA_SYNC_LAG", "MACRODATA_SYNC_CHUNK_ROWS is no whole number"}, "many",
		},
		"no log level":        {[]string{"MACRODATA_LOG_LEVEL=LOUD"}, []string{"MACRODATA_LOG_LEVEL"}, "LOUD"},
		"no log format":       {[]string{"MACRODATA_LOG_FORMAT=xml"}, []string{"MACRODATA_LOG_FORMAT is neither text nor json"}, "xml"},
		"chunks of nothing":   {[]string{"MACRODATA_SYNC_CHUNK_ROWS=0"}, []string{"MACRODATA_SYNC_CHUNK_ROWS is not between 1 and 50,000"}, ""},
		"chunks of too much":  {[]string{"MACRODATA_SYNC_CHUNK_ROWS=50001"}, []string{"MACRODATA_SYNC_CHUNK_ROWS is not between 1 and 50,000"}, ""},
		"parts that are tiny": {[]string{"MACRODATA_SYNC_PART_BYTES=65535"}, []string{"MACRODATA_SYNC_PART_BYTES is less than 65,536"}, ""},
		"a catalog that is no address": {
			[]string{"MACRODATA_CATALOG_URL=catalog.example", "MACRODATA_WAREHOUSE=brand"}, []string{"MACRODATA_CATALOG_URL is no https:// address"}, "",
		},
		"a catalog with a password in its address": {
			[]string{"MACRODATA_CATALOG_URL=https://me:hunter2@catalog.example", "MACRODATA_WAREHOUSE=brand"},
			[]string{"MACRODATA_CATALOG_URL", "MACRODATA_CATALOG_TOKEN"}, "hunter2",
		},
		"a catalog without a warehouse": {
			[]string{"MACRODATA_CATALOG_URL=https://catalog.example"}, []string{"MACRODATA_CATALOG_URL is set without MACRODATA_WAREHOUSE"}, "",
		},
		"a token for no catalog": {
			[]string{"MACRODATA_CATALOG_TOKEN=cat_1"}, []string{"MACRODATA_CATALOG_TOKEN is set without MACRODATA_CATALOG_URL"}, "cat_1",
		},
		"a warehouse by name and no catalog that knows it": {
			[]string{"MACRODATA_WAREHOUSE=brand"}, []string{"MACRODATA_WAREHOUSE is neither file:///path nor s3://bucket"}, "",
		},
		"a warehouse in a folder that is not absolute": {
			[]string{"MACRODATA_WAREHOUSE=file://data/warehouse"}, []string{"MACRODATA_WAREHOUSE"}, "",
		},
		"a warehouse in memory": {[]string{"MACRODATA_WAREHOUSE=mem://"}, []string{"MACRODATA_WAREHOUSE"}, ""},
		"a warehouse with keys": {
			[]string{"MACRODATA_WAREHOUSE=s3://AKIA:hunter2@bucket"}, []string{"MACRODATA_WAREHOUSE", "AWS_SECRET_ACCESS_KEY"}, "hunter2",
		},
		"commits of few facts":  {[]string{"MACRODATA_LAKE_FLUSH_ROWS=1"}, []string{"MACRODATA_LAKE_FLUSH_ROWS is not between"}, ""},
		"commits all the time":  {[]string{"MACRODATA_LAKE_FLUSH_AGE=1ms"}, []string{"MACRODATA_LAKE_FLUSH_AGE is less than 1s"}, ""},
		"tags for no time":      {[]string{"MACRODATA_LAKE_KEEP_TAGS=0s"}, []string{"MACRODATA_LAKE_KEEP_SNAPSHOTS or _TAGS is less than 1h"}, ""},
		"events for no time":    {[]string{"MACRODATA_LAKE_KEEP_TELEMETRY=1h"}, []string{"MACRODATA_LAKE_KEEP_TELEMETRY is less than 24h"}, ""},
		"queries in no memory":  {[]string{"MACRODATA_LAKE_MEMORY=512"}, []string{"MACRODATA_LAKE_MEMORY is less than 67,108,864"}, ""},
		"rollups in less":       {[]string{"MACRODATA_ROLLUP_MEMORY=-1"}, []string{"MACRODATA_ROLLUP_MEMORY is negative"}, ""},
		"an overlap below zero": {[]string{"MACRODATA_SYNC_OVERLAP=-1s"}, []string{"MACRODATA_SYNC_OVERLAP", "must not be negative"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(test.environ)
			if errs.Kind(err) != "invalid" {
				t.Fatalf("Load gave %v, which is no invalid setting", err)
			}
			for _, want := range test.names {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q doesn't say %q", err, want)
				}
			}
			if test.hides != "" && strings.Contains(err.Error()+errs.Remedy(err), test.hides) {
				t.Errorf("%q repeats the value", err)
			}
		})
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const token, password = "shpat_0123456789", "hunter2"
	c, err := Load([]string{"MACRODATA_SHOPIFY_TOKEN=" + token, "MACRODATA_DATABASE_URL=postgres://me:" + password + "@db/x"})
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c, "one", c.ShopifyToken)
	for name, text := range map[string]string{
		"printed": fmt.Sprintf("%v %+v %s", c, c, c.ShopifyToken),
		"as Go":   fmt.Sprintf("%#v %q", c, c.ShopifyToken),
		"as JSON": string(asJSON),
		"logged":  log.String(),
		"listed":  fmt.Sprint(c.Settings()),
	} {
		if strings.Contains(text, token) || strings.Contains(text, password) {
			t.Errorf("a secret shows when the configuration is %s: %s", name, text)
		}
	}
	if text := fmt.Sprint(c.Settings()); !strings.Contains(text, "[redacted]") {
		t.Errorf("the list doesn't say that secrets are set: %s", text)
	}
}

func TestSettingsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, s := range (Config{}).Settings() {
		if !strings.HasPrefix(s.Name, envPrefix) || s.Name == envPrefix || s.Help == "" {
			t.Errorf("a setting without name or help: %+v", s)
		}
		// What is printed as a value is read as one.
		if s.Default == "" {
			continue
		}
		if _, err := Load([]string{s.Name + "=" + s.Default}); err != nil {
			t.Errorf("the default of %s: %v", s.Name, err)
		}
	}
}

func TestBlobURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"what is set":                             {Config{BlobURL: "mem://"}, "mem://"},
		"a folder beside the data by default":     {Config{}, "file://" + dir + "/objects"},
		"a secret is never part of the default's": {Config{ShopifyToken: "shpat_1"}, "file://" + dir + "/objects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.config.blobURL(dir)
			if err != nil || got != test.want {
				t.Errorf("blobURL gave %q, %v; want %q", got, err, test.want)
			}
		})
	}
}
