package pg_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/db"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	good := pgtest.URL(t)
	for name, test := range map[string]struct {
		url  string
		kind error
	}{
		"a URL that is none":    {"postgres://u:hunter2@[::bad/db", errs.Invalid},
		"a wrong password":      {strings.Replace(good, "macrodata:", "macrodata:hunter2", 1), errs.Denied},
		"a database that isn't": {strings.Replace(good, "/t_", "/not_", 1), errs.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pg.Open(t.Context(), pg.Config{URL: test.url})
			if !errors.Is(err, test.kind) || errs.Remedy(err) == "" {
				t.Errorf("got %v with remedy %q, want %v with one", err, errs.Remedy(err), test.kind)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error holds the password")
			}
		})
	}
}

func TestAServerThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := pg.Open(t.Context(), pg.Config{URL: "postgres://u:p@127.0.0.1:1/db"})
	if !errors.Is(err, errs.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestAClosedPoolIsUnavailable(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	d.Close()
	_, query := d.Query(t.Context(), "SELECT 1")
	_, exec := d.Exec(t.Context(), "SELECT 1")
	for _, err := range []error{d.QueryRow(t.Context(), "SELECT 1").Scan(new(int)), query, exec} {
		if !errors.Is(err, errs.Unavailable) {
			t.Errorf("got %v", err)
		}
	}
}

func TestInstantsAreReadInUTC(t *testing.T) {
	t.Parallel()
	var one time.Time
	var many []time.Time
	var perhaps *time.Time
	err := pgtest.DB(t).QueryRow(t.Context(), "SELECT now(), ARRAY[now()], now()").Scan(&one, &many, &perhaps)
	if err != nil || one.Location() != time.UTC || many[0].Location() != time.UTC || perhaps.Location() != time.UTC {
		t.Errorf("read were %v, %v and %v, %v", one, many, perhaps, err)
	}
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	mustExec(t, d, "CREATE TABLE n (i int)")
	boom := errors.New("boom")
	err := d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO n VALUES (1)"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want fn's own error", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		d.InTx(t.Context(), func(ctx context.Context, tx pg.Tx) error { //nolint:errcheck // it panics
			if _, err := tx.Exec(ctx, "INSERT INTO n VALUES (2)"); err != nil {
				t.Error(err)
			}
			panic("boom")
		})
	}()
	if got := count(t, d, "SELECT count(*) FROM n"); got != 0 {
		t.Errorf("%d rows were kept", got)
	}
}

func TestRetryableErrorsAreTold(t *testing.T) {
	t.Parallel()
	d := pgtest.DB(t)
	mustExec(t, d, "CREATE TABLE n (i int PRIMARY KEY)")
	for name, test := range map[string]struct {
		sql       string
		retryable bool
	}{
		"a cut connection":     {"SELECT pg_terminate_backend(pg_backend_pid())", true},
		"a deadlock":           {"DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", true},
		"a serialization loss": {"DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", true},
		"a full disk":          {"DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", true},
		"a doubled key":        {"INSERT INTO n VALUES (1), (1)", false},
		"nonsense":             {"SELECT FROM WHERE", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Exec(t.Context(), test.sql)
			if err == nil || pg.Retryable(err) != test.retryable || errors.Is(err, errs.Unavailable) != test.retryable {
				t.Errorf("%v: retryable %v, want %v", err, pg.Retryable(err), test.retryable)
			}
		})
	}
	if pg.Retryable(nil) {
		t.Error("nil is retryable")
	}
	if _, err := d.Exec(t.Context(), "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"); !strings.Contains(errs.Remedy(err), "make room") {
		t.Errorf("what to do about a full disk is %q", errs.Remedy(err))
	}
}

func TestMigrationsRunOnceHoweverManyProcessesStart(t *testing.T) {
	t.Parallel()
	url := pgtest.EmptyURL(t)
	type result struct {
		applied []pg.Migration
		err     error
	}
	results := make(chan result)
	for range 5 {
		go func() {
			d, err := pg.Open(t.Context(), pg.Config{URL: url, MaxConns: 2})
			if err != nil {
				results <- result{nil, err}
				return
			}
			defer d.Close()
			applied, err := d.Migrate(t.Context(), db.Migrations())
			results <- result{applied, err}
		}()
	}
	total := 0
	for range 5 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		total += len(r.applied)
	}
	d := pgtest.Open(t, pg.Config{URL: url})
	pending, err := d.Pending(t.Context(), db.Migrations())
	if err != nil || len(pending) != 0 || total == 0 {
		t.Errorf("pending %v, %v; %d were applied", pending, err, total)
	}
	if got := count(t, d, "SELECT count(*) FROM goose_db_version WHERE version_id > 0"); got != total {
		t.Errorf("%d migrations are noted, %d were applied", got, total)
	}
	mustExec(t, d, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	if _, err := d.Pending(t.Context(), db.Migrations()); !errors.Is(err, errs.Conflict) {
		t.Errorf("a database of a newer program: %v", err)
	}
}
