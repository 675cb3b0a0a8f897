package bulksync_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/internal/pg"
)

// limits watches all statements of a pool: the most rows that one wrote or
// returned, and the longest transaction.
type limits struct {
	mu      sync.Mutex
	begun   map[*pgx.Conn]time.Time
	rows    int64
	rowsOf  string
	longest time.Duration
}

var _ pgx.QueryTracer = (*limits)(nil)

func newLimits() *limits { return &limits{begun: map[*pgx.Conn]time.Time{}} }

type statement struct{}

func (l *limits) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if data.SQL == "begin" {
		l.begun[conn] = time.Now()
	}
	return context.WithValue(ctx, statement{}, data.SQL)
}

func (l *limits) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	sql, _ := ctx.Value(statement{}).(string)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := data.CommandTag.RowsAffected(); n > l.rows {
		l.rows, l.rowsOf = n, sql
	}
	if begun, ok := l.begun[conn]; ok && (sql == "commit" || sql == "rollback") {
		l.longest = max(l.longest, time.Since(begun))
		delete(l.begun, conn)
	}
}

// check fails a test whose statements or transactions were too large.
func (l *limits) check(t testing.TB) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rows > pg.MaxRows {
		t.Errorf("a statement touched %d rows: %s", l.rows, l.rowsOf)
	}
	if l.longest > pg.MaxTx {
		t.Errorf("a transaction took %s", l.longest)
	}
	if l.longest == 0 {
		t.Error("no transaction was seen: the tracer doesn't work")
	}
}
