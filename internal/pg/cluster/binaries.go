package cluster

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// minVersion is the oldest major version of PostgreSQL that macrodata works with.
const minVersion = 15

// Binaries are PostgreSQL's programs of one major version.
type Binaries struct {
	Dir     string // the folder of initdb, postgres, pg_dumpall …
	Version int    // major version, such as 17
	onPath  bool
}

// Find returns PostgreSQL's programs of version 15 or newer: those on the
// PATH, or else the newest where Debian, Red Hat, Homebrew and Postgres.app
// put them. It returns errs.NotFound, with the command to install them, where
// there are none.
func Find() (Binaries, error) {
	return choose(installed())
}

func (b Binaries) program(name string) string { return filepath.Join(b.Dir, name) }

// choose picks the programs for a new cluster: those on the PATH, or else the
// newest.
func choose(found []Binaries) (Binaries, error) {
	var best Binaries
	for _, b := range found {
		if b.onPath && b.Version >= minVersion {
			return b, nil
		}
		if b.Version > best.Version {
			best = b
		}
	}
	if best.Version >= minVersion {
		return best, nil
	}
	err := fmt.Errorf("the programs of PostgreSQL %d or newer: %w", minVersion, errs.NotFound)
	if best.Version != 0 {
		err = fmt.Errorf("%w (%s has version %d)", err, best.Dir, best.Version)
	}
	return Binaries{}, errs.WithRemedy(err, installCommand())
}

func installCommand() string {
	if runtime.GOOS == "darwin" {
		return "install them: brew install postgresql@17; or set MACRODATA_DATABASE_URL to a running PostgreSQL"
	}
	return "install them: apt-get install postgresql; or set MACRODATA_DATABASE_URL to a running PostgreSQL"
}

// installed lists the programs of all versions that the machine has.
func installed() []Binaries {
	var dirs []string
	onPath := ""
	if program, err := exec.LookPath("initdb"); err == nil {
		if program, err = filepath.EvalSymlinks(program); err == nil {
			onPath = filepath.Dir(program)
			dirs = append(dirs, onPath)
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin",
	} {
		matches, _ := filepath.Glob(pattern) // the patterns are well-formed
		dirs = append(dirs, matches...)
	}
	var found []Binaries
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			continue
		}
		if version := serverVersion(dir); version != 0 {
			found = append(found, Binaries{Dir: dir, Version: version, onPath: dir == onPath})
		}
	}
	return found
}

// versionPattern matches what postgres -V says: "postgres (PostgreSQL) 17.2", "… 18beta1".
var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// serverVersion asks a folder's server for its major version; 0 is none. A
// folder needs both programs that a cluster is made with.
func serverVersion(dir string) int {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "-V").Output()
	if err != nil {
		return 0
	}
	m := versionPattern.FindStringSubmatch(string(out))
	if m == nil {
		return 0
	}
	version, _ := strconv.Atoi(m[1])
	return version
}
