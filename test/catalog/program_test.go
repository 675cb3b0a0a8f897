package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

// TestProgramOnABucket has the built program bring a shop in, with its archive
// and its lakehouse in a bucket. A run is completed only where what the
// lakehouse has was proved.
func TestProgramOnABucket(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	binary := filepath.Join(t.TempDir(), "macrodata")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/macrodata-dev/macrodata/cmd/macrodata").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	settings := append(sandbox(t, binary),
		"MACRODATA_DATABASE_URL="+pgtest.URL(t),
		"MACRODATA_DATA_DIR="+t.TempDir(),
		"MACRODATA_BLOB_URL=s3://bucket?region=us-east-1&endpoint="+s.url+"&use_path_style=true&prefix=objects/",
		"MACRODATA_WAREHOUSE="+s.warehouse(),
		"MACRODATA_SYNC_POLL_MIN=20ms",
	)
	for _, args := range [][]string{{"sync", "--json", "--full"}, {"sync", "--json"}} {
		sync := exec.CommandContext(t.Context(), binary, args...)
		sync.Env = append(os.Environ(), settings...)
		var said bytes.Buffer
		sync.Stderr = &said
		out, err := sync.Output()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, &said)
		}
		var run struct{ Status string }
		if err := json.Unmarshal(out, &run); err != nil || run.Status != "completed" {
			t.Fatalf("%v ended as %q, %v: %s", args, run.Status, err, out)
		}
	}
	for prefix, end := range map[string]string{"objects": "", "lake": ".parquet"} {
		if filesBelow(t, filepath.Join(s.folder, "bucket", prefix), end) == 0 {
			t.Errorf("the bucket has nothing under %s that ends in %q", prefix, end)
		}
	}
}

// filesBelow counts the files with an end in a folder and in those below it.
func filesBelow(t *testing.T, folder, end string) (n int) {
	t.Helper()
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(d.Name(), end) {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return n
}

// sandbox runs a simulated shop and returns the settings that lead to it.
func sandbox(t *testing.T, binary string) (settings []string) {
	t.Helper()
	server := exec.Command(binary, "sandbox", "--orders", "300")
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill() //nolint:errcheck // it may have ended by itself
		server.Wait()         //nolint:errcheck // it was killed
	})
	for lines := bufio.NewScanner(out); len(settings) < 3 && lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "MACRODATA_") {
			settings = append(settings, line)
		}
	}
	return settings
}
