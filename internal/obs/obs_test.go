package obs_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/obs"
)

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		log := obs.Logger(&out, format, slog.LevelInfo)
		log.With("accessToken", "hunter2").Info("hello", "Password", "hunter2", "shop", "brand",
			slog.Group("http", "Authorization", "hunter2"))
		log.Debug("too quiet to be heard")
		if got := out.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, "brand") || strings.Contains(got, "quiet") {
			t.Errorf("%s: %s", format, got)
		}
	}
}
