package outage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/test/lab"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// disk mounts a disk of its own for a test, and returns its folder.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := folder(t)
	switch err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+size); {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		t.Skipf("this user may not mount a small disk: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// resize changes the size of a disk.
func resize(t *testing.T, dir, size string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "", syscall.MS_REMOUNT, "mode=0755,size="+size); err != nil {
		t.Fatal(err)
	}
}

// TestTheDiskOfTheDataFolderIsFull has archive, lakehouse and the folder for
// temporary files on a disk that the first file of a sync fills.
func TestTheDiskOfTheDataFolderIsFull(t *testing.T) {
	t.Parallel()
	w, dir := lab.New(t, *orders), disk(t, "1m")
	temp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	l := w.Lab(t, pgtest.URL(t), "MACRODATA_DATA_DIR="+dir, "TMPDIR="+temp, "MACRODATA_RETRY_LIMIT=2", "MACRODATA_RETRY_DELAY=50ms")
	p := l.Serve(t)
	id := p.Sync(t)
	var run lab.Run
	lab.Eventually(t, "the run says that it can't go on", func() bool {
		run = p.Run(t, id)
		return run.FinishedAt != nil
	})
	for _, word := range []string{dir, "1,048,576 bytes", "no space left"} {
		if !strings.Contains(run.ErrorText, word) {
			t.Errorf("the run ended as %s: %q, which doesn't tell %q", run.Status, run.ErrorText, word)
		}
	}
	if run.Status != "failed" || !strings.Contains(run.Remedy, "make room") {
		t.Errorf("the run is %s, and to be done is %q", run.Status, run.Remedy)
	}
	before := l.Number(t, finished)
	resize(t, dir, "500m")
	begun := time.Now()
	p.Post(t, id, "resume", 202)
	lab.Eventually(t, "the sync goes on", func() bool { return l.Number(t, finished) > before })
	recovery := time.Since(begun)
	p.Completes(t, id)
	checkOnce(t, l)
	lost, doubled := l.Check(t)
	proof.Note(t, proof.Story{
		Family: 3, Name: fmt.Sprintf("archive, warehouse and temporary files, %d orders", *orders),
		Faults: 1, Runs: 1, Lost: lost, Doubled: doubled, Recovery: []time.Duration{recovery},
	})
}

// TestTheDiskOfPostgreSQLIsFull fills the disk of the server in mid-run.
func TestTheDiskOfPostgreSQLIsFull(t *testing.T) {
	t.Parallel()
	w, dir := lab.New(t, *orders), disk(t, "1g")
	db := newServer(t, dir)
	l := w.Lab(t, db.URL(), "MACRODATA_RETRY_DELAY=100ms", "MACRODATA_RETRY_MAX=1s", "MACRODATA_RETRY_LIMIT=20")
	p := l.Serve(t)
	id := p.Sync(t)
	lab.Eventually(t, "the sync has begun", func() bool { return l.Number(t, finished) >= 10 })
	resize(t, dir, fmt.Sprint(used(t, dir)))
	lab.Eventually(t, "PostgreSQL says that its disk is full", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
		return err == nil && strings.Contains(string(text), "No space left on device")
	})
	resize(t, dir, "1g")
	begun := time.Now()
	db.start(t) // where it has ended
	l.DB.Pool().Reset()
	at := l.Number(t, finished)
	lab.Eventually(t, "the sync goes on", func() bool {
		return l.Number(t, finished) > at || l.Number(t, `SELECT count(*) FROM ingest_run WHERE finished_at IS NOT NULL`) > 0
	})
	recovery := time.Since(begun)
	lab.Eventually(t, "the API is there again", p.IsReady)
	p.Completes(t, id)
	checkOnce(t, l)
	lost, doubled := l.Check(t)
	proof.Note(t, proof.Story{
		Family: 3, Name: fmt.Sprintf("the server's files, %d orders", *orders),
		Faults: 1, Runs: 1, Lost: lost, Doubled: doubled, Recovery: []time.Duration{recovery},
	})
}

// used is how many bytes of a disk are.
func used(t *testing.T, dir string) uint64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return (s.Blocks - s.Bfree) * uint64(s.Bsize)
}
