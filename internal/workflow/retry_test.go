package workflow

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

type askedFor time.Duration

func (askedFor) Error() string               { return "wait" }
func (a askedFor) RetryAfter() time.Duration { return time.Duration(a) }

func TestDelay(t *testing.T) {
	t.Parallel()
	plain := errors.New("boom")
	retry := Retry{}.withDefaults()
	for _, tt := range []struct {
		name     string
		attempt  int
		err      error
		min, max time.Duration
	}{
		{"the first wait is ten seconds, give or take a quarter", 1, plain, 7500 * time.Millisecond, 12500 * time.Millisecond},
		{"the third is four times as long", 3, plain, 30 * time.Second, 50 * time.Second},
		{"the tenth is at the cap", 10, plain, 225 * time.Second, 375 * time.Second},
		{"a shift beyond 64 bits is at the cap", 100, plain, 225 * time.Second, 375 * time.Second},
		{"an hour that the other side asks for is obeyed", 1, errs.WithRemedy(askedFor(time.Hour), "wait"), time.Hour, time.Hour},
		{"a second that it asks for doesn't shorten ours", 1, askedFor(time.Second), 7500 * time.Millisecond, 12500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 50 {
				if d := retry.delay(tt.attempt, tt.err); d < tt.min || d > tt.max {
					t.Fatalf("waits %v", d)
				}
			}
		})
	}
}

func TestEngineLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		level slog.Level
		text  string
		want  string
	}{
		{"news of the engine are details", slog.LevelInfo, "DBOS launched", "level=DEBUG"},
		{"an error stays one", slog.LevelError, "disk full", "level=ERROR"},
		{"what a shutdown interrupts is no error", slog.LevelError, "context canceled", "level=DEBUG"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(engineLog{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})})
			log.Log(context.Background(), tt.level, "it", "error", tt.text)
			if !strings.Contains(out.String(), tt.want) {
				t.Error(out.String())
			}
			out.Reset()
			quiet := slog.New(engineLog{slog.NewTextHandler(&out, nil)})
			quiet.Log(context.Background(), tt.level, "it", "error", tt.text)
			if said := out.Len() > 0; said != (tt.want == "level=ERROR") {
				t.Errorf("at level info it says %q", out.String())
			}
		})
	}
}

func TestProcessGone(t *testing.T) {
	t.Parallel()
	self := thisProcess()
	if self.host == "" {
		t.Skip("no /proc here")
	}
	for _, tt := range []struct {
		name  string
		other process
		want  bool
	}{
		{"this process lives", self, false},
		{"a later process with its pid is another", process{self.host, os.Getpid(), "1"}, true},
		{"a pid without a process is gone", process{self.host, 1 << 30, "1"}, true},
		{"of another machine nothing is known", process{"other", 1 << 30, "1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := self.gone(tt.other); got != tt.want {
				t.Errorf("gone is %v", got)
			}
		})
	}
}
