package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStoriesBecomeAPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories")
	t.Setenv(File, path)
	Note(t, Story{Family: 2, Name: "server stopped", Faults: 1200, Runs: 1, Recovery: []time.Duration{4e9, 1e9, 2e9}})
	Note(t, Story{Family: 1, Name: "killed", Faults: 3, Runs: 3, Lost: 1, Recovery: []time.Duration{1e9}})
	Note(t, Story{Family: 1, Name: "killed", Faults: 5, Runs: 5, Doubled: 2, Recovery: []time.Duration{3e9}})
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var page strings.Builder
	failed, err := Render(&page, in, Setting{"2026-11-23", "abc", "2", "go1.26", "15"})
	if err != nil || failed != 0 {
		t.Fatalf("%d failed, %v", failed, err)
	}
	for _, want := range []string{
		"1,208 faults in 9 runs, 1 rows lost and 2 doubled; 0 of 2 stories failed.",
		"2026-11-23, commit abc, 2 cores, PostgreSQL 15, Go 1.26.",
		"| killed | 8 | 8 | 1 | 2 | 2.00 s | 3.00 s |",
		"| server stopped | 1,200 | 1 | 0 | 0 | 2.00 s | 4.00 s |",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, page.String())
		}
	}
	if told := strings.Count(page.String(), "No story was told."); told != len(Families())-2 {
		t.Errorf("%d families have no story", told)
	}
}

func TestAFailedStoryIsSaidToHaveFailed(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	failed, err := Render(&page, strings.NewReader(fmt.Sprintln(`{"family":3,"story":"full","failed":true}`)), Setting{})
	if err != nil || failed != 1 || !strings.Contains(page.String(), "| full (**failed**) |") {
		t.Errorf("%d failed, %v:\n%s", failed, err, page.String())
	}
	if _, err := Render(&page, strings.NewReader("{"), Setting{}); err == nil {
		t.Error("half a line is a page")
	}
}
