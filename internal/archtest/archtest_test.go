// Package archtest holds the project against its own rules: who may import
// whom, who writes which table, and whether the documents still say what the
// code does. It has tests only; each names the rule that is broken and where.
//
// What it generates is written anew by
//
//	go test ./internal/archtest -run '^TestGenerated' -args -update
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

var update = flag.Bool("update", false, "write generated files instead of comparing them")

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	module = "github.com/macrodata-dev/macrodata/"
	root   = "../.."
)

// pkg is a package of the module, as go list knows it.
type pkg struct {
	Path         string `json:"ImportPath"` // without the module
	Dir          string
	Name         string
	Doc          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

var packages = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var list []pkg
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		p.Path = strings.TrimPrefix(p.Path, module)
		list = append(list, p)
	}
})

func allPackages(t *testing.T) []pkg {
	t.Helper()
	list, err := packages()
	if err != nil || len(list) == 0 {
		t.Fatalf("go list: %d packages, %v", len(list), err)
	}
	return list
}

// parsed returns the syntax of a package's files without its tests.
func (p pkg) parsed(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(p.Path, name)] = file
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s matches %d files, %v", pattern, len(paths), err)
	}
	for i, path := range paths {
		paths[i], _ = filepath.Rel(root, path) // both begin with root
	}
	return paths
}

// golden compares a generated file with what it should be, or writes it.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		// In one move, for other tests read the file meanwhile.
		full := filepath.Join(root, path)
		err := os.WriteFile(full+".new", []byte(want), 0o644)
		if err == nil {
			err = os.Rename(full+".new", full)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatalf("%v; run make generate", err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date at %q; run make generate", path, firstDifference(string(got), want))
	}
}

func firstDifference(got, want string) string {
	wants := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wants) || line != wants[i] {
			return line
		}
	}
	return "its end"
}
