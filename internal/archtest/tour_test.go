package archtest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stop begins a paragraph of the tour with the package that it is about.
var stop = regexp.MustCompile("(?m)^\\*\\*`([a-z/]+)`\\*\\*")

// TestTourVisitsEveryPackage once, and none that is gone.
func TestTourVisitsEveryPackage(t *testing.T) {
	t.Parallel()
	visits := map[string]int{}
	for _, m := range stop.FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		visits[m[1]]++
	}
	for _, p := range allPackages(t) {
		if n := visits[p.Path]; n != 1 {
			t.Errorf("ARCHITECTURE.md has %d paragraphs that begin with **`%s`**, want 1", n, p.Path)
		}
		delete(visits, p.Path)
	}
	for path := range visits {
		t.Errorf("ARCHITECTURE.md visits %s, which is no package", path)
	}
}

// TestPackagesSayWhatTheyAre: each has a comment, apart from generated ones
// and those that only test.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		begin := "Package " + p.Name + " "
		if p.Name == "main" {
			begin = "Command " + path.Base(p.Path) + " "
		}
		if len(p.GoFiles) > 0 && p.Path != "internal/pg/pgdb" && !strings.HasPrefix(p.Doc, begin) {
			t.Errorf("%s has no package comment that begins with %q", p.Path, begin)
		}
	}
}

const maxLines = 500

// TestFilesStayReadable: nothing that people write is longer than maxLines.
func TestFilesStayReadable(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if name := d.Name(); err == nil && (name == "node_modules" || name == "bin" || name == "testdata" || name != ".." && strings.HasPrefix(name, ".")) {
				return fs.SkipDir
			}
			return err
		}
		switch filepath.Ext(file) {
		case ".go", ".sql", ".md":
		default:
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		files++
		head, _, _ := strings.Cut(string(text), "\n")
		if n := strings.Count(string(text), "\n"); n > maxLines && !strings.Contains(head, "Code generated") {
			t.Errorf("%s has %d lines, more than %d: split it by what it is about", file, n, maxLines)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("looked at %d files, %v", files, err)
	}
}
