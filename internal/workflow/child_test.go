package workflow_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// childURL is set in a test process that stands for another machine's: it runs
// [relay] until it is killed or its standard input ends.
const childURL = "WORKFLOW_TEST_CHILD_URL"

// childTimeout ends the attempts of the child's steps, where it is set.
const childTimeout = "WORKFLOW_TEST_CHILD_TIMEOUT"

func child() int {
	ctx := context.Background()
	db, err := pg.Open(ctx, pg.Config{URL: os.Getenv(childURL)})
	if err == nil {
		err = runChild(ctx, db)
	}
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	return 0
}

func runChild(ctx context.Context, db *pg.DB) error {
	cfg := fastConfig(db)
	if text := os.Getenv(childTimeout); text != "" {
		var err error
		if cfg.Retry.Timeout, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	e, err := workflow.New(ctx, cfg)
	if err != nil {
		return err
	}
	// The child says where it is and waits there for its parent.
	input := bufio.NewScanner(os.Stdin)
	registerRelay(e, db, func(at string) {
		fmt.Println(at)
		input.Scan()
	})
	if err := e.Launch(ctx); err != nil {
		return err
	}
	fmt.Println("launched")
	select {}
}

// relay writes its three rows in three transactions. Between preparing and
// applying the second it calls at.
func registerRelay(e *workflow.Engine, db *pg.DB, at func(string)) *workflow.Workflow[string, string] {
	return workflow.Register(e, "relay", func(run *workflow.Run, _ string) (string, error) {
		for i := range 3 {
			step := fmt.Sprint("row-", i)
			_, err := workflow.Tx(run, step, func(ctx context.Context) (func(context.Context, pg.Tx) (int, error), error) {
				if _, err := db.Exec(ctx, `INSERT INTO tried VALUES ($1, $2, pg_backend_pid())`, run.ID(), i); err != nil {
					return nil, err
				}
				if i == 1 {
					at("preparing")
				}
				return func(ctx context.Context, tx pg.Tx) (int, error) {
					_, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1, $2)`, run.ID(), i)
					return i, err
				}, nil
			})
			if err != nil {
				at("refused " + err.Error())
				return "", err
			}
		}
		return "done", nil
	}, workflow.Options{})
}

// process is a child and what it says.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
	stdin io.WriteCloser
}

func startChild(t *testing.T, db *pg.DB, env ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0])}
	p.Env = append(os.Environ(), childURL+"="+db.Pool().Config().ConnString())
	p.Env = append(p.Env, env...)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sync.OnceFunc(func() {
		p.Process.Kill() //nolint:errcheck // it may be dead
		p.Wait()         //nolint:errcheck // as above
	}))
	p.lines = bufio.NewScanner(out)
	p.expect(t, "launched")
	return p
}

// expect reads the child's next line.
func (p *process) expect(t *testing.T, prefix string) {
	t.Helper()
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), prefix) {
		t.Fatalf("the child said %q, not %q", p.lines.Text(), prefix)
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
