// Package drift breaks a copy of the checkout, once in each way in which code
// and documents come apart, and looks whether internal/archtest notices and
// names what is broken. It is for people who change archtest: make drift.
package drift

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	all  = flag.Bool("drift", false, "break a copy of the checkout; takes minutes")
	only = flag.String("drift.only", "", "the breakages alone whose names have this in them")
)

const root = "../.."

// TestNothingDriftsUnnoticed breaks one thing at a time, each from the state in
// which all is well.
func TestNothingDriftsUnnoticed(t *testing.T) {
	if !*all {
		t.Skip("it takes minutes: run make drift")
	}
	folder := t.TempDir()
	copyTo(t, folder)
	if out, ok := watch(t.Context(), folder); !ok {
		t.Fatalf("the checkout isn't well to begin with:\n%s", out)
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, b := range breakages {
		if !strings.Contains(b.name, *only) {
			continue
		}
		mend, err := b.breakIn(folder)
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		began := time.Now()
		out, unnoticed := watch(t.Context(), folder)
		verdict := "noticed"
		switch {
		case unnoticed:
			verdict = "NOT NOTICED"
			t.Errorf("%s is not noticed", b.name)
		case !strings.Contains(out, b.says):
			verdict = "NOT NAMED"
			t.Errorf("%s is noticed without the words %q:\n%s", b.name, b.says, out)
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f s\t%s\n", b.name, verdict, time.Since(began).Seconds(), line(out, b.says))
		if err := mend(); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush() //nolint:errcheck // a buffer takes all
	t.Logf("\n%s", table.String())
}

// copyTo copies what belongs to the checkout, as it is and not as it was
// committed.
func copyTo(t *testing.T, folder string) {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err == nil {
			err = write(folder, name, string(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func write(folder, name, text string) error {
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// watch runs the tests that watch over the project, but for the one that needs
// a database.
func watch(ctx context.Context, folder string) (out string, ok bool) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-skip", "^TestGeneratedSchema$", "./internal/archtest")
	cmd.Dir = folder
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// line returns the first line of a text that has some words.
func line(text, words string) string {
	for one := range strings.Lines(text) {
		if strings.Contains(one, words) {
			return strings.TrimSpace(one)
		}
	}
	return ""
}
