// Package obs makes the program observable: logs now, metrics and traces as
// they come.
package obs

import (
	"io"
	"log/slog"
	"strings"
)

// Logger returns a logger that writes text for people or JSON for machines,
// and never a secret: the value of an attribute whose name says that it holds
// one is replaced.
func Logger(w io.Writer, format string, level slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

var secretWords = []string{"token", "password", "secret", "authorization", "signature", "rlkey"}

func redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return slog.String(a.Key, "[redacted]")
		}
	}
	return a
}
