package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestStartMakesAClusterThatIsDurableAndPrivate(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	unfinishedDir := filepath.Join(dir, unfinished+"killed")
	if err := os.MkdirAll(unfinishedDir, 0o755); err != nil {
		t.Fatal(err)
	}
	var said []string
	// The settings of a real start, with the sync of a new cluster, are seen here alone.
	c := mustStart(t, Config{Dir: dir, Settings: map[string]string{"search_path": `"o'clock\"`},
		Say: func(line string) { said = append(said, line) }})

	for query, want := range map[string]string{
		`SHOW fsync`:                   "on",
		`SHOW data_checksums`:          "on",
		`SHOW listen_addresses`:        "127.0.0.1",
		`SHOW unix_socket_directories`: "",
		`SHOW password_encryption`:     "scram-sha-256",
		`SHOW server_encoding`:         "UTF8",
		`SHOW timezone`:                "UTC",
		`SELECT current_user::text`:    "macrodata",
		`SELECT current_database()`:    "macrodata",
		`SHOW is_superuser`:            "off",
		`SELECT ('Z' < 'a')::text`:     "true",
		`SHOW search_path`:             `"o'clock\"`,
	} {
		if got := ask(t, c.URL(), query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if _, err := os.Stat(unfinishedDir); !os.IsNotExist(err) {
		t.Error("the cluster that a killed start left half-made is still there")
	}
	if len(said) != 1 || !strings.Contains(said[0], "Making") {
		t.Errorf("said %q, want one line about the making", said)
	}
	checkSecrecy(t, c)
	mustStop(t, c)
	mustStop(t, c)
	if isRunning(t, c) {
		t.Error("the server outlived its only user")
	}
}

func checkSecrecy(t *testing.T, c *Cluster) {
	t.Helper()
	for name, want := range map[string]os.FileMode{"postgres.password": 0o600, "postgres.log": 0o600, "postgres": 0o700 | os.ModeDir} {
		info, err := os.Stat(filepath.Join(c.Dir(), name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	for what, text := range map[string]string{"URLRedacted": c.URLRedacted(), "%+v": fmt.Sprintf("%+v", c)} {
		if strings.Contains(text, c.password) {
			t.Errorf("%s shows the password", what)
		}
	}
	log, err := os.ReadFile(filepath.Join(c.Dir(), "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), c.password) {
		t.Error("the log shows the password")
	}
	wrong := strings.Replace(c.URL(), c.password, "guess", 1)
	if conn, err := pgx.Connect(t.Context(), wrong); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was let in")
	}
}

func TestRestartKeepsDataAndPort(t *testing.T) {
	t.Parallel()
	c := mustStart(t, Config{Dir: dataDir(t)})
	keep(t, c.URL())
	mustStop(t, c)

	again := mustStart(t, Config{Dir: c.Dir()})
	if again.URL() != c.URL() {
		t.Errorf("the address changed from %s to %s", c.URLRedacted(), again.URLRedacted())
	}
	checkKept(t, again.URL())
	if again.Adopted() {
		t.Error("a server that was stopped in order counts as adopted")
	}
	mustStop(t, again)

	taken, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", again.port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	moved := mustStart(t, Config{Dir: c.Dir()})
	if moved.port == again.port {
		t.Error("a port that another program holds was taken")
	}
	checkKept(t, moved.URL())
	mustStop(t, moved)
}

func TestUsersShareOneServerAndTheLastStopsIt(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var wait sync.WaitGroup
	clusters := make([]*Cluster, 2)
	for i := range clusters {
		wait.Go(func() {
			c, err := Start(t.Context(), Config{Dir: dir, Settings: quick})
			if err != nil {
				t.Error(err)
			}
			clusters[i] = c
		})
	}
	other := startProcess(t, dir, nil)
	wait.Wait()
	if t.Failed() {
		return
	}
	a, b := clusters[0], clusters[1]
	if other.URL != a.URL() || b.URL() != a.URL() {
		t.Fatalf("three concurrent starts gave different addresses, or an error: %s", other.Error)
	}
	if a.Adopted() || b.Adopted() || other.Adopted {
		t.Error("a server in use counts as adopted")
	}
	mustStop(t, a)
	ask(t, b.URL(), `SELECT 'alive'`)
	mustStop(t, b)
	ask(t, b.URL(), `SELECT 'alive'`)
	other.leave(t)
	if isRunning(t, a) {
		t.Error("the server outlived its last user")
	}
}

func TestServerOfAKilledProcessIsAdopted(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	killed := startProcess(t, dir, nil)
	if killed.Error != "" {
		t.Fatal(killed.Error)
	}
	keep(t, killed.URL)
	killed.kill()

	c := mustStart(t, Config{Dir: dir})
	if !c.Adopted() || c.URL() != killed.URL {
		t.Errorf("adopted: %v, at the same address: %v; want both", c.Adopted(), c.URL() == killed.URL)
	}
	checkKept(t, c.URL())
	mustStop(t, c)
	if isRunning(t, c) {
		t.Error("the adopted server outlived its last user")
	}
}

func TestStartRecoversAServerThatWasKilled(t *testing.T) {
	t.Parallel()
	first := mustStart(t, Config{Dir: dataDir(t)})
	keep(t, first.URL())
	p, err := first.files.postmaster()
	if err != nil || p == nil {
		t.Fatalf("no server: %v", err)
	}
	if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, first.files, p.pid)

	second := mustStart(t, Config{Dir: first.Dir()})
	checkKept(t, first.URL())
	mustStop(t, first)
	ask(t, second.URL(), `SELECT 'alive'`)
	mustStop(t, second)
	if isRunning(t, second) {
		t.Error("the server outlived its last user")
	}
}

// A container that starts again gives old process ids to other programs.
func TestStartIgnoresAProcessIDThatAnotherProgramHas(t *testing.T) {
	t.Parallel()
	c := mustStart(t, Config{Dir: dataDir(t)})
	path := filepath.Join(c.files.data(), "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustStop(t, c)
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc to tell programs apart")
	}
	other := c.files.command(t.Context(), "sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := c.files.write("postgres/postmaster.pid", fmt.Sprintf("%d\n%s", other.Process.Pid, rest)); err != nil {
		t.Fatal(err)
	}
	again := mustStart(t, Config{Dir: c.Dir()})
	if again.Adopted() {
		t.Error("another program was adopted")
	}
	mustStop(t, again)
	if err := unix.Kill(other.Process.Pid, 0); err != nil {
		t.Errorf("the other program was hurt: %v", err)
	}
}

func TestDumpCommandWritesTheData(t *testing.T) {
	t.Parallel()
	c := mustStart(t, Config{Dir: dataDir(t)})
	keep(t, c.URL())
	mustStop(t, c)
	bin, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	dump := exec.Command("/bin/sh", "-c", c.files.dumpCommand(bin.Dir))
	dump.Dir = t.TempDir()
	// To files: a pipe would wait for the server, which has it too.
	if err := dump.Run(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dump.Dir, "macrodata.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "a row that is kept") {
		t.Error("the dump has no data")
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	f, _, err := settle(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, err := f.openLock("postgres.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if err := held.exclusive(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Start(ctx, Config{Dir: dir})
	wantError(t, err, errs.Canceled, "postgres.lock")
}
