package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// unfinished begins the name of a cluster in the making.
const unfinished = "postgres.new-"

// provide returns the programs for the cluster that is there, or makes one
// with the programs at hand.
func (c *Cluster) provide(ctx context.Context) (Binaries, error) {
	text, err := os.ReadFile(filepath.Join(c.files.data(), "PG_VERSION"))
	if err == nil {
		return c.matching(string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Binaries{}, denied(err)
	}
	if _, err := os.Stat(c.files.data()); err == nil {
		return Binaries{}, errs.WithRemedy(
			fmt.Errorf("%s is no PostgreSQL cluster: it has no PG_VERSION: %w", c.files.data(), errs.Conflict),
			"move that folder away, or set MACRODATA_DATA_DIR to another folder")
	}
	bin, err := Find()
	if err != nil {
		return Binaries{}, err
	}
	c.say(fmt.Sprintf("Making a private PostgreSQL %d in %s.", bin.Version, c.files.data()))
	return bin, c.create(ctx, bin)
}

// matching returns the programs of exactly the cluster's major version: no
// other can open its files.
func (c *Cluster) matching(text string) (Binaries, error) {
	version, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return Binaries{}, errs.WithRemedy(
			fmt.Errorf("PG_VERSION in %s is %.20q, not a major version: %w", c.files.data(), text, errs.Corrupt),
			"put the folder back from a backup, or move it away to begin with an empty database")
	}
	dir := fmt.Sprintf("/usr/lib/postgresql/%d/bin", version)
	var others []string
	for _, b := range installed() {
		switch {
		case b.Version == version && version >= minVersion:
			return b, nil
		case b.Version == version:
			dir = b.Dir
		}
		others = append(others, strconv.Itoa(b.Version))
	}
	remedy := "dump it with the programs of its version: "
	if version >= minVersion {
		remedy = fmt.Sprintf("install PostgreSQL %d beside (apt-get install postgresql-%d) and start again, or then dump it: ", version, version)
	}
	return Binaries{}, errs.WithRemedy(
		fmt.Errorf("the cluster in %s is of PostgreSQL %d; the programs here are of [%s] and macrodata needs %d or newer: %w",
			c.files.data(), version, strings.Join(others, " "), minVersion, errs.Conflict),
		remedy+c.files.dumpCommand(dir)+"; then move that folder away, start macrodata and load macrodata.sql with psql")
}

// dumpCommand is the shell command that writes all of a stopped cluster to
// macrodata.sql, with the programs in dir. The server finds the settings of
// its last start, the port among them, in its folder.
func (f files) dumpCommand(dir string) string {
	as := ""
	if f.switched {
		as = fmt.Sprintf("setpriv --reuid=%d --regid=%d --clear-groups ", f.uid, f.gid)
	}
	control := as + dir + "/pg_ctl -D " + quote(f.data())
	return fmt.Sprintf(`%s -w start && PGPASSWORD="$(cat %s)" %s/pg_dumpall -h 127.0.0.1 -p %d -U postgres -f macrodata.sql; %s -w stop`,
		control, quote(f.path("postgres.password")), dir, f.lastPort(), control)
}

// create makes the cluster under another name and renames it when it is
// complete, so that a kill halfway leaves nothing that looks like a cluster.
func (c *Cluster) create(ctx context.Context, bin Binaries) error {
	entries, err := os.ReadDir(c.files.dir)
	if err != nil {
		return denied(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), unfinished) {
			os.RemoveAll(c.files.path(entry.Name()))
		}
	}
	temp, err := os.MkdirTemp(c.files.dir, unfinished)
	if err != nil {
		return denied(err)
	}
	defer os.RemoveAll(temp) // not there any more after the rename
	if c.files.switched {
		if err := os.Chown(temp, int(c.files.uid), int(c.files.gid)); err != nil {
			return denied(err)
		}
	}
	if err := c.initdb(ctx, bin, temp); err != nil {
		return err
	}
	if err := includeSettings(temp); err != nil {
		return err
	}
	return os.Rename(temp, c.files.data())
}

// initdb sorts text by bytes, which no upgrade of a system library can change
// under an index, and knows the letters of Unicode where the system does.
func (c *Cluster) initdb(ctx context.Context, bin Binaries, dir string) error {
	args := []string{
		"-D", dir, "--username=postgres", "--pwfile=" + c.files.path("postgres.password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--locale=C",
	}
	if c.settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	var out []byte
	for _, letters := range []string{"C.UTF-8", "C"} {
		var err error
		out, err = c.files.command(ctx, bin.program("initdb"), append(args, "--lc-ctype="+letters)...).CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if !strings.Contains(string(out), "invalid locale name") {
			break
		}
	}
	return c.failure("initdb failed in "+dir, string(out))
}
