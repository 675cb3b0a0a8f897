package archtest

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// folderOf returns the package of a scenario.
func folderOf(t *testing.T, s scenario.Scenario) pkg {
	t.Helper()
	for _, p := range allPackages(t) {
		if p.Path == "internal/scenario/"+s.ID {
			return p
		}
	}
	t.Fatalf("scenario %s is declared, and internal/scenario/%s is no package", s.ID, s.ID)
	return pkg{}
}

func stepsOf(s scenario.Scenario) map[string]bool {
	names := map[string]bool{}
	for _, w := range s.Workflows {
		for _, step := range w.Steps {
			names[step.Name] = true
		}
	}
	return names
}

// TestOneIDEverywhere: one id names a scenario's folder, package, files and
// workflows, and each folder is declared.
func TestOneIDEverywhere(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, s := range app.Declarations() {
		declared["internal/scenario/"+s.ID] = true
		p := folderOf(t, s)
		if p.Name != s.ID {
			t.Errorf("package %s is in folder %s", p.Name, p.Path)
		}
		for _, name := range []string{"README.md", s.ID + ".go"} {
			if _, err := os.Stat(filepath.Join(p.Dir, name)); err != nil {
				t.Errorf("scenario %s: %v", s.ID, err)
			}
		}
		files, _ := filepath.Glob(filepath.Join(p.Dir, "*.sql")) // the pattern is well-formed
		if len(files) > 0 && !slices.Contains(files, filepath.Join(p.Dir, s.ID+".sql")) {
			t.Errorf("scenario %s has queries, and none of them in %s.sql, where one looks first", s.ID, s.ID)
		}
		for _, w := range s.Workflows {
			if !strings.HasPrefix(w.Name, s.ID+".") {
				t.Errorf("workflow %s of scenario %s is not named %s.<verb>", w.Name, s.ID, s.ID)
			}
		}
	}
	for _, p := range allPackages(t) {
		if path.Dir(p.Path) == "internal/scenario" && !declared[p.Path] {
			t.Errorf("%s is not in app.Declarations", p.Path)
		}
	}
}

// beneath returns the package of a scenario, and those that it imports, however
// far down.
func beneath(t *testing.T, s scenario.Scenario) []pkg {
	t.Helper()
	all := map[string]pkg{}
	for _, p := range allPackages(t) {
		all[p.Path] = p
	}
	own := folderOf(t, s)
	list, seen := []pkg{own}, map[string]bool{own.Path: true}
	for todo := ours(own.Imports); len(todo) > 0; todo = todo[1:] {
		p := all[todo[0]]
		if seen[p.Path] {
			continue
		}
		seen[p.Path] = true
		list = append(list, p)
		todo = append(todo, ours(p.Imports)...)
	}
	return list
}

// runnersOf returns the packages whose code runs steps of a scenario: its own,
// and those beneath it that make steps themselves.
func runnersOf(t *testing.T, s scenario.Scenario) (runners []pkg) {
	t.Helper()
	for i, p := range beneath(t, s) {
		if i == 0 || slices.Contains(ours(p.Imports), "internal/workflow") {
			runners = append(runners, p)
		}
	}
	return runners
}

// TestDeclaredStepsAreTheOnesThatRun, by the names that the code writes down.
func TestDeclaredStepsAreTheOnesThatRun(t *testing.T) {
	t.Parallel()
	for _, s := range app.Declarations() {
		declared, used := stepsOf(s), stepNames(t, runnersOf(t, s))
		for name := range used {
			if !declared[name] {
				t.Errorf("scenario %s runs step %q, which it does not declare", s.ID, name)
			}
		}
		for name := range declared {
			if !used[name] {
				t.Errorf("scenario %s declares step %q, which no code runs", s.ID, name)
			}
		}
	}
}

// TestDeclaredTablesAreTheOnesUsed by the scenario's own SQL. What it reads
// may be more: a package below may read or write it on the scenario's behalf,
// and then it is one that the package's SQL names.
func TestDeclaredTablesAreTheOnesUsed(t *testing.T) {
	t.Parallel()
	all, known := queries(t), tables(t)
	for _, s := range app.Declarations() {
		p, below := folderOf(t, s), beneath(t, s)
		written, named, namedBelow := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, q := range all {
			if slices.ContainsFunc(below, func(p pkg) bool { return p.Path == q.owner }) {
				for _, table := range q.names {
					namedBelow[table] = true
				}
			}
			if q.owner != p.Path {
				continue
			}
			for _, table := range q.writes {
				written[table] = true
			}
			for _, table := range q.names {
				named[table] = true
			}
		}
		if want := slices.Sorted(maps.Keys(written)); !slices.Equal(want, s.Writes) {
			t.Errorf("scenario %s declares that it writes %q, and its SQL writes %q (in this order)", s.ID, s.Writes, want)
		}
		for table := range named {
			if !slices.Contains(s.Writes, table) && !slices.Contains(s.Reads, table) {
				t.Errorf("scenario %s reads %s and does not declare it", s.ID, table)
			}
		}
		for _, table := range s.Reads {
			switch {
			case known[table] == "":
				t.Errorf("scenario %s declares that it reads %s, which is no table", s.ID, table)
			case !namedBelow[table]:
				t.Errorf("scenario %s declares that it reads %s, which no SQL of it or of what it imports names", s.ID, table)
			}
		}
	}
}
