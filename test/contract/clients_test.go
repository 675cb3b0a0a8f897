package contract

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// installed is there once npm has installed what package.json names.
const installed = "node_modules/.package-lock.json"

const document = "../../docs/openapi.yaml" // the golden that archtest keeps

// run runs a program of the installed packages, and skips aloud where they
// aren't installed.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if _, err := os.Stat(installed); err != nil {
		t.Skipf("%s can't be run: %v; run make deps", program, err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("node_modules", ".bin", program), args...)
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

func TestLintersHaveNothingToSay(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"redocly":  {"lint", "--config=redocly.yaml", document},
		"spectral": {"lint", "--ruleset=.spectral.yaml", "--fail-severity=hint", "--quiet", document},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, name, args...)
		})
	}
}

// TestATypedClientCompiles with types made from the document, and its mistakes
// do not: client.ts has both.
func TestATypedClientCompiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run(t, "openapi-typescript", document, "--output", filepath.Join(folder, "macrodata.d.ts"))
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	project, err := json.Marshal(map[string]any{
		"extends":         filepath.Join(here, "tsconfig.json"),
		"files":           []string{filepath.Join(here, "client.ts")},
		"compilerOptions": map[string]any{"paths": map[string][]string{"macrodata": {"./macrodata.d.ts"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "tsconfig.json"), project, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "tsc", "--project", folder)
}
