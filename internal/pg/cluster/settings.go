package cluster

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// settingsFile is in PostgreSQL's data directory and included by its
// postgresql.conf. It is written anew at each start of the server; what a
// person sets by ALTER SYSTEM comes after it and stays.
const settingsFile = "macrodata.conf"

// defaults are the settings for a laptop that syncs a shop: a steady stream of
// large writes, few connections, and other programs that want memory too.
func defaults(port int) map[string]string {
	return map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "", // the path of the folder may be too long for a socket
		"max_connections":         "60",
		"shared_buffers":          "256MB",
		"effective_cache_size":    "1GB",
		"maintenance_work_mem":    "128MB",
		"work_mem":                "16MB",
		"fsync":                   "on",
		// A checkpoint makes the next change of each page write the whole page
		// to the log; a long sync is faster with few of them.
		"max_wal_size":       "4GB",
		"min_wal_size":       "256MB",
		"checkpoint_timeout": "15min",
		"random_page_cost":   "1.1", // solid-state disks
		"jit":                "off", // compiling costs more than these queries take
		"timezone":           "UTC",
		"log_timezone":       "UTC",
		"lc_messages":        "C", // the text of the log is searched for known faults
		"log_destination":    "stderr",
		"logging_collector":  "off",
		"log_line_prefix":    "%m [%p] ",
	}
}

// ours are the settings that the way of reaching the server depends on.
var ours = []string{
	"listen_addresses", "port", "unix_socket_directories", "lc_messages",
	"log_destination", "logging_collector", "data_directory", "hba_file", "ssl",
}

var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

func checkSettings(settings map[string]string) error {
	for name, value := range settings {
		reason := ""
		switch {
		case !settingName.MatchString(name):
			reason = "is no name of a PostgreSQL setting"
		case slices.Contains(ours, name):
			reason = "is chosen by macrodata"
		case strings.ContainsAny(value, "\n\r\x00"):
			reason = "has a line break in its value"
		default:
			continue
		}
		return errs.WithRemedy(fmt.Errorf("setting %q %s: %w", name, reason, errs.Invalid),
			"leave it out, or run a PostgreSQL of your own and set MACRODATA_DATABASE_URL")
	}
	return nil
}

// writeSettings writes the settings for a start on port.
func (c *Cluster) writeSettings(port int, walCompression string) error {
	all := defaults(port)
	all["wal_compression"] = walCompression
	maps.Copy(all, c.settings)
	var text strings.Builder
	text.WriteString("# Written by macrodata at each start. Change settings with ALTER SYSTEM.\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, settingQuotes.Replace(all[name]))
	}
	return c.files.write(filepath.Join("postgres", settingsFile), text.String())
}

// settingQuotes escapes what has a meaning between the quotes of a setting.
var settingQuotes = strings.NewReplacer(`'`, `''`, `\`, `\\`)

// includeSettings makes the postgresql.conf in dir read the settings file.
func includeSettings(dir string) error {
	conf, err := os.OpenFile(filepath.Join(dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return denied(err)
	}
	defer conf.Close()
	if _, err := fmt.Fprintf(conf, "\ninclude_if_exists = '%s'\n", settingsFile); err != nil {
		return denied(err)
	}
	return conf.Sync()
}

var portSetting = regexp.MustCompile(`(?m)^port = '(\d+)'$`)

// lastPort is the port of the last start, or 0. Taking it again lets the
// connection pools of other processes, and a person's psql, come back after a
// crash of the server.
func (f files) lastPort() int {
	text, err := os.ReadFile(filepath.Join(f.data(), settingsFile))
	if err != nil {
		return 0
	}
	m := portSetting.FindSubmatch(text)
	if m == nil {
		return 0
	}
	port, _ := strconv.Atoi(string(m[1]))
	return port
}
