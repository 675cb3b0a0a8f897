package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestStartRefusesAFolderItCantUse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content map[string]string // files in the data directory
		kind    error
		words   []string
	}{
		"a cluster of an older version": {
			map[string]string{"postgres/PG_VERSION": "14\n", "postgres.password": "secret\n"},
			errs.Conflict, []string{"PostgreSQL 14", "/usr/lib/postgresql/14/bin/pg_dumpall -h 127.0.0.1"}},
		"a cluster of a newer version": {
			map[string]string{"postgres/PG_VERSION": "99\n", "postgres.password": "secret\n"},
			errs.Conflict, []string{"apt-get install postgresql-99", "pg_dumpall"}},
		"a version file that is damaged": {
			map[string]string{"postgres/PG_VERSION": "?", "postgres.password": "secret\n"},
			errs.Corrupt, []string{"PG_VERSION"}},
		"a folder that is no cluster": {
			map[string]string{"postgres/notes.txt": "mine", "postgres.password": "secret\n"},
			errs.Conflict, []string{"no PostgreSQL cluster"}},
		"a cluster whose password is lost": {
			map[string]string{"postgres/PG_VERSION": "15\n"},
			errs.Conflict, []string{"postgres.password", "put the file back"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			f, _, err := settle(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(f.data(), 0o700); err != nil {
				t.Fatal(err)
			}
			if f.switched {
				if err := os.Chown(f.data(), int(f.uid), int(f.gid)); err != nil {
					t.Fatal(err)
				}
			}
			for file, text := range test.content {
				if err := f.write(file, text); err != nil {
					t.Fatal(err)
				}
			}
			_, err = Start(t.Context(), Config{Dir: dir})
			wantError(t, err, test.kind, test.words...)
		})
	}
}

func TestStartRefusesSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setting, value, word string
	}{
		"a setting that the address depends on": {"port", "5432", "chosen by macrodata"},
		"a name with other characters":          {"work mem", "1MB", "no name"},
		"a value that would begin a new line":   {"work_mem", "1MB\nport = 1", "line break"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), Config{Dir: t.TempDir(), Settings: map[string]string{test.setting: test.value}})
			wantError(t, err, errs.Invalid, test.setting, test.word)
		})
	}
	_, err := Start(t.Context(), Config{})
	wantError(t, err, errs.Invalid, "MACRODATA_DATA_DIR")
}

func TestStartTellsWhyTheServerEnded(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	_, err := Start(t.Context(), Config{Dir: dir, Settings: map[string]string{"fsync": "off", "work_mem": "plenty"}})
	wantError(t, err, errs.Invalid, `invalid value for parameter "work_mem"`)

	c := mustStart(t, Config{Dir: dir})
	mustStop(t, c)
	if err := c.files.write("postgres.password", "another\n"); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Config{Dir: dir})
	wantError(t, err, errs.Conflict, "another password")
	if isRunning(t, c) {
		t.Error("a failed start left its server running")
	}
}

func TestRootNeedsAFolderThatPostgreSQLReaches(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
	fallback := dataDir(t)
	private := t.TempDir() // of mode 0700 somewhere above
	dir := filepath.Join(private, "data")

	_, err := Start(t.Context(), Config{Dir: dir})
	wantError(t, err, errs.Denied, "can't enter", "MACRODATA_DATA_DIR", "chmod o+x")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("a folder was made in vain and left")
	}

	var said []string
	cfg := Config{Dir: dir, DirIsDefault: true, Settings: quick, Say: func(line string) { said = append(said, line) }}
	c, err := start(t.Context(), cfg, fallback)
	if err != nil {
		t.Fatal(err)
	}
	defer mustStop(t, c)
	if c.Dir() != fallback {
		t.Errorf("the data directory is %s, want %s", c.Dir(), fallback)
	}
	if all := strings.Join(said, "\n"); strings.Count(all, "can't reach") != 1 {
		t.Errorf("said %q, want the move once", all)
	}

	if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = start(t.Context(), cfg, fallback)
	wantError(t, err, errs.Denied, "can't enter")
}

func TestOrdinaryUserRunsAClusterAndRootJoinsAsThatUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user; the other tests ran as an ordinary one")
	}
	dir := dataDir(t)
	nobody, err := lookUpAccount("nobody")
	if err != nil {
		t.Skipf("no ordinary user to run as: %v", err)
	}
	err = errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, int(nobody.uid), int(nobody.gid)))
	if err != nil {
		t.Fatal(err)
	}
	user := startProcess(t, dir, &nobody)
	if user.Error != "" {
		t.Fatal(user.Error)
	}
	root := mustStart(t, Config{Dir: dir})
	if root.URL() != user.URL || root.files.uid != nobody.uid {
		t.Errorf("root joined as user %d, at the same address: %v", root.files.uid, root.URL() == user.URL)
	}
	user.leave(t)
	mustStop(t, root)
	if isRunning(t, root) {
		t.Error("the server outlived its last user")
	}

	again := startProcess(t, dir, &nobody)
	if again.Error != "" {
		t.Fatalf("the user can't start what root stopped: %s", again.Error)
	}
	again.leave(t)

	if postgres, err := lookUpAccount("postgres"); err == nil {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if stranger := startProcess(t, dir, &postgres); stranger.Kind != "denied" {
			t.Errorf("a stranger got %+v, want denied", stranger.report)
		}
	}
}

func TestParsePostmaster(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want postmaster
		ok   bool
	}{
		"a server that accepts connections": {"71\n/d\n1700000000\n5433\n\n127.0.0.1\n  11 22\nready   \n", postmaster{71, 5433, "ready"}, true},
		"a server that just began":          {"71\n/d\n1700000000\n5433\n", postmaster{71, 5433, ""}, true},
		"a standalone backend":              {"-71\n/d\n", postmaster{}, false},
		"an empty file":                     {"", postmaster{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := parsePostmaster(test.text); got != test.want || ok != test.ok {
				t.Errorf("got %+v, %v, want %+v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	old, v15, v17 := Binaries{Dir: "/14", Version: 14}, Binaries{Dir: "/15", Version: 15}, Binaries{Dir: "/17", Version: 17}
	path15, path14 := v15, old
	path15.onPath, path14.onPath = true, true
	for name, test := range map[string]struct {
		found []Binaries
		want  int // 0: refused
	}{
		"the newest is chosen":                     {[]Binaries{v15, v17, old}, 17},
		"those on the PATH win":                    {[]Binaries{path15, v17}, 15},
		"those on the PATH lose if they are old":   {[]Binaries{path14, v15}, 15},
		"old programs alone are refused":           {[]Binaries{old}, 0},
		"without programs the remedy is a command": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(test.found)
			if got.Version != test.want {
				t.Errorf("version %d, want %d", got.Version, test.want)
			}
			if test.want == 0 {
				wantError(t, err, errs.NotFound, "install", "MACRODATA_DATABASE_URL")
			}
		})
	}
}
