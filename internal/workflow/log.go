package workflow

import (
	"context"
	"log/slog"
	"strings"
)

// engineLog turns down what DBOS says: its news are details to us, and what a
// shutdown or a lost run interrupts is no error.
type engineLog struct{ slog.Handler }

var expected = []string{
	"context canceled", "closed pool", "conn closed",
	"outcome was not recorded", "Workflow ID conflict detected", "no longer pending",
	"failed to insert workflow status", // the caller of Start gets it
}

func (h engineLog) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, lowered(level))
}

func (h engineLog) Handle(ctx context.Context, rec slog.Record) error {
	rec.Level = lowered(rec.Level)
	if rec.Level > slog.LevelDebug && isExpected(rec) {
		rec.Level = slog.LevelDebug
	}
	if !h.Handler.Enabled(ctx, rec.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, rec)
}

func (h engineLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return engineLog{h.Handler.WithAttrs(attrs)}
}

func (h engineLog) WithGroup(name string) slog.Handler { return engineLog{h.Handler.WithGroup(name)} }

func lowered(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}

func isExpected(rec slog.Record) bool {
	text := rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		text += " " + a.Value.String()
		return true
	})
	for _, phrase := range expected {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
