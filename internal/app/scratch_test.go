package app

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestScratch(t *testing.T) {
	t.Parallel()
	t.Run("what a killed process left goes, what is used stays", func(t *testing.T) {
		t.Parallel()
		parent := filepath.Join(t.TempDir(), "duck")
		used, err := newScratch(parent)
		if err != nil {
			t.Fatal(err)
		}
		left, err := newScratch(parent)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(left.path, "spill"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		left.lock.Close() //nolint:errcheck // as the system does where a process ends
		next, err := newScratch(parent)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, parent); len(got) != 4 { // each with its lock
			t.Errorf("there are the folders %v", got)
		}
		if _, err := os.Stat(left.path); err == nil {
			t.Error("the left folder is still there")
		}
		for _, s := range []*scratch{used, next} {
			if err := s.remove(); err != nil {
				t.Error(err)
			}
		}
		if got := names(t, parent); len(got) != 0 {
			t.Errorf("folders remain: %v", got)
		}
	})
	t.Run("nobody removes another's, however many come and go", func(t *testing.T) {
		t.Parallel()
		parent := t.TempDir()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					s, err := newScratch(parent)
					if err != nil {
						t.Error(err)
						return
					}
					if err := os.WriteFile(filepath.Join(s.path, "file"), nil, 0o600); err != nil {
						t.Error(err)
					}
					if err := s.remove(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := names(t, parent); len(got) != 0 {
			t.Errorf("folders remain: %v", got)
		}
	})
	t.Run("a folder that can't be made gets a remedy", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newScratch(filepath.Join(file, "duck")); errs.Kind(err) != "denied" || errs.Remedy(err) == "" {
			t.Errorf("newScratch gave %v", err)
		}
	})
}
