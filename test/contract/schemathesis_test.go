package contract

import (
	"os"
	"os/exec"
	"testing"
)

const schemathesis = "../../bin/schemathesis/bin/schemathesis"

// TestSchemathesisFindsNothing has a program of others ask by the document what
// comes to its mind. Events are left out: their stream has no end. What a schema
// allows may still be refused, such as a window that ends before it begins.
func TestSchemathesisFindsNothing(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(schemathesis); err != nil {
		t.Skipf("Schemathesis can't be run: %v; run make schemathesis", err)
	}
	p := serve(t)
	cmd := exec.CommandContext(t.Context(), schemathesis, "run", document, "--url", p.url,
		"--header", "Cf-Access-Jwt-Assertion: "+p.token, "--exclude-operation-id", "watchRun",
		"--exclude-checks", "positive_data_acceptance", "--max-examples", "50", "--seed", "1", "--generation-database", "none", "--no-color")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}
