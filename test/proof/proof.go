// Package proof holds what the stories of faults came to: each story checks its
// store by one function, [Store.Check], and notes its figures by another, [Note].
// Where the environment names a file for them, `make proof` makes docs/proof.md
// of it.
package proof

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// File is the setting that names the file to which each story adds a line. Its
// figures are only logged where it is not set.
const File = "MACRODATA_PROOF"

// Story is what one story of faults came to.
type Story struct {
	Family  int    `json:"family"` // number of one of [Families]
	Name    string `json:"story"`  // in a few words, for people
	Faults  int    `json:"faults"` // injected
	Runs    int    `json:"runs"`   // of a workflow that went through them
	Lost    int    `json:"lost"`   // rows, as Check counts them
	Doubled int    `json:"doubled"`

	// Recovery is how long each fault kept the work from going on; empty where
	// nothing stood still. A line of the file has their median and longest, in
	// seconds, instead.
	Recovery []time.Duration `json:"-"`
}

// line is a story as it is written down.
type line struct {
	Story
	Median float64 `json:"medianSeconds"`
	Max    float64 `json:"maxSeconds"`
	Waits  int     `json:"waits"` // that the two are of
	Failed bool    `json:"failed"`
}

// Note writes down what a story came to. It belongs at the story's end, behind
// its checks: a story that failed is noted as that.
func Note(t testing.TB, s Story) {
	t.Helper()
	l := line{Story: s, Waits: len(s.Recovery), Failed: t.Failed()}
	if waits := slices.Sorted(slices.Values(s.Recovery)); len(waits) > 0 {
		l.Median, l.Max = waits[len(waits)/2].Seconds(), waits[len(waits)-1].Seconds()
	}
	t.Logf("family %d, %s: %d faults in %d runs, %d rows lost, %d doubled, recovered in %.2f s (median of %d), %.2f s at most",
		l.Family, l.Name, l.Faults, l.Runs, l.Lost, l.Doubled, l.Median, l.Waits, l.Max)
	path := os.Getenv(File)
	if path == "" {
		return
	}
	if err := appendLine(path, l); err != nil {
		t.Errorf("note the story: %v", err)
	}
}

// appendLine adds a line in one write, so that those of several processes don't
// mix.
func appendLine(path string, l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%s\n", text); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return err
	}
	return f.Close()
}
