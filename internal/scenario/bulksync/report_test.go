package bulksync_test

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

func full() bulksync.Params        { return params(bulksync.Full) }
func incremental() bulksync.Params { return params(bulksync.Incremental) }

func since(t time.Time) bulksync.Params {
	p := incremental()
	p.Since = &t
	return p
}

func params(mode string, resources ...string) bulksync.Params {
	return bulksync.Params{Mode: mode, Resources: resources, Trigger: runs.CLI, RequestedBy: "test"}
}

// report is what is known of a run that has ended.
type report struct {
	bulksync.Result
	Run runs.Run
	ID  uuid.UUID
}

// run syncs and expects a status of the run; "failed" is one too.
func (w *world) run(p bulksync.Params, status string) report {
	w.Helper()
	r, err := w.try(p)
	if (err != nil) != (status == runs.Failed) || r.Run.Status != status {
		w.Fatalf("%s sync ended %s (%v), want %s\n%s", p.Mode, r.Run.Status, err, status, r.broken())
	}
	if err == nil && r.Result.Status != status {
		w.Errorf("the result says %s, the run %s", r.Result.Status, status)
	}
	return r
}

func (w *world) try(p bulksync.Params) (report, error) {
	w.Helper()
	id, err := w.sync.Start(w.Context(), p)
	must(w, err)
	return w.wait(id)
}

func (w *world) wait(id uuid.UUID) (report, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	out, err := w.sync.Wait(ctx, id)
	if ctx.Err() != nil {
		w.Fatalf("run %s has not ended", id)
	}
	run, getErr := w.runs.Get(w.Context(), id)
	must(w, getErr)
	return report{Result: out, Run: run, ID: id}, err
}

// broken lists the checks of a proof that don't hold.
func (r report) broken() string {
	var b strings.Builder
	for _, c := range r.Proof.Checks {
		if !c.OK {
			b.WriteString(c.Stream + " " + c.Name + ": want " + c.Want + ", got " + c.Got + "; " + c.Detail + "\n")
		}
	}
	return b.String()
}

// breaks reports whether a check of that stream and name is among those that
// don't hold.
func (r report) breaks(stream, name string) bool {
	for _, c := range r.Proof.Checks {
		if !c.OK && c.Stream == stream && c.Name == name {
			return true
		}
	}
	return false
}

// mark returns a stream's watermark and its version, 0 where there is none.
func (w *world) mark(stream string) (value time.Time, version int) {
	w.Helper()
	err := w.look.QueryRow(w.Context(), "SELECT value, version FROM watermark WHERE stream = $1", stream).Scan(&value, &version)
	if err != nil && !pg.NoRows(err) {
		w.Fatal(err)
	}
	return value.UTC(), version
}

func (w *world) count(sql string, args ...any) (n int) {
	w.Helper()
	must(w, w.look.QueryRow(w.Context(), sql, args...).Scan(&n))
	return n
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	_, err := w.look.Exec(w.Context(), sql, args...)
	must(w, err)
}
