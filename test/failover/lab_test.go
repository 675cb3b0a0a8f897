package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/test/lab"
	"github.com/macrodata-dev/macrodata/test/proof"
)

// world is what all stages have in common.
type world struct{ lab.World }

// stage is where a story happens.
type stage struct {
	*lab.Lab
	lost, doubled int // rows, as its checks counted them
}

// lab makes a stage on a database.
func (w world) lab(t *testing.T, url string) *stage {
	t.Helper()
	return &stage{Lab: w.Lab(t, url)}
}

// note writes down what the story came to.
func (l *stage) note(t *testing.T, faults int, recovery ...time.Duration) {
	t.Helper()
	_, story, _ := strings.Cut(t.Name(), "/")
	proof.Note(t, proof.Story{
		Family: 7, Name: strings.ReplaceAll(story, "_", " "), Faults: faults,
		Runs: l.Number(t, `SELECT count(*) FROM ingest_run`), Lost: l.lost, Doubled: l.doubled, Recovery: recovery,
	})
}

// worker is the id of the process that a run executes in, 0 where there is none.
func (l *stage) worker(t *testing.T, id string) int {
	t.Helper()
	return l.Number(t, `
		SELECT coalesce(max(pid), 0) FROM dbos.workflow_status JOIN executor_lease USING (executor_id)
		WHERE workflow_uuid = $1 AND status = 'PENDING'`, id)
}

// worksOn returns which of two processes a run executes in, and the other.
func (l *stage) worksOn(t *testing.T, id string, a, b *lab.Process) (it, other *lab.Process) {
	t.Helper()
	switch pid := l.worker(t, id); pid {
	case a.Process.Pid:
		return a, b
	case b.Process.Pid:
		return b, a
	default:
		t.Fatalf("the run executes in process %d", pid)
		return nil, nil
	}
}

// texts reads a column.
func (l *stage) texts(t *testing.T, sql string, args ...any) (list []string) {
	t.Helper()
	rows, err := l.DB.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func (l *stage) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := l.DB.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}
