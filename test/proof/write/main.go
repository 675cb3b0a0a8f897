// Command write makes the page of what stories of faults came to: it reads the
// file named by its argument and writes to standard output. It fails where a
// story did.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/pg/cluster"
	"github.com/macrodata-dev/macrodata/test/proof"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s FILE", os.Args[0])
	}
	in, err := os.Open(os.Args[1])
	if err != nil {
		return err
	}
	defer in.Close()
	bin, err := cluster.Find()
	if err != nil {
		return err
	}
	postgres := "unknown"
	if words := strings.Fields(said(filepath.Join(bin.Dir, "postgres"), "--version")); len(words) > 2 {
		postgres = words[2] // postgres (PostgreSQL) 15.1
	}
	commit := said("git", "rev-parse", "--short", "HEAD")
	if said("git", "status", "--porcelain") != "" {
		commit += " with changes"
	}
	var page bytes.Buffer
	failed, err := proof.Render(&page, in, proof.Setting{
		Date: time.Now().UTC().Format(time.DateOnly), Commit: commit, Cores: fmt.Sprint(runtime.NumCPU()),
		Go: runtime.Version(), PostgreSQL: postgres,
	})
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(page.Bytes()); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d stories failed", failed)
	}
	return nil
}

// said is what a program prints, or "unknown".
func said(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
