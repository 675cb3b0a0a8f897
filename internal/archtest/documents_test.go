package archtest

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// sections are the headings of a scenario's document, in order.
var sections = []string{
	"Goal", "Trigger", "Participants", "Assumptions", "Preconditions", "Postconditions", "API endpoints",
	"Schema tables", "Infrastructure", "Workflow", "Exceptions", "Acceptance checks", "Realised by",
}

var (
	heading   = regexp.MustCompile(`(?m)^## (.+)$`)
	code      = regexp.MustCompile("`([^`\n]+)`")
	plainWord = regexp.MustCompile(`^[a-z][a-z_]*$`)
	testName  = regexp.MustCompile(`^(?:[a-z]+\.)?(Test\w+)$`)
	command   = regexp.MustCompile(`^macrodata [a-z]+`)
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	commandIs = regexp.MustCompile(`Use:\s+"([a-z]+)`)
)

// document splits a scenario's document into its sections.
func document(t *testing.T, s scenario.Scenario) map[string]string {
	t.Helper()
	name := path.Join(folderOf(t, s).Path, "README.md")
	text := read(t, name)
	found, list := map[string]string{}, []string{}
	at := heading.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		title := text[m[2]:m[3]]
		list = append(list, title)
		found[title] = text[m[1]:end]
	}
	if !slices.Equal(list, sections) {
		t.Errorf("%s has the sections %q, and the template %q", name, list, sections)
	}
	return found
}

// words are the things that a text names in code style.
func words(text string) (list []string) {
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// TestWorkflowSectionsNameTheSteps holds the numbered steps of each document
// against the declaration: all steps and all written tables, and no others.
func TestWorkflowSectionsNameTheSteps(t *testing.T) {
	t.Parallel()
	for _, s := range app.Declarations() {
		steps, named := stepsOf(s), words(document(t, s)["Workflow"])
		for step := range steps {
			if !slices.Contains(named, step) {
				t.Errorf("the workflow section of %s does not name step %s", s.ID, step)
			}
		}
		for _, table := range s.Writes {
			if !slices.Contains(named, table) {
				t.Errorf("the workflow section of %s does not name table %s", s.ID, table)
			}
		}
		for _, word := range named {
			if plainWord.MatchString(word) && !steps[word] && !slices.Contains(s.Writes, word) && !slices.Contains(s.Reads, word) {
				t.Errorf("the workflow section of %s names %s, which is neither a step nor a table of the declaration", s.ID, word)
			}
		}
	}
}

// TestDocumentsNameCommandsThatExist, in documents and in declarations, and
// that each scenario's document names no command of another.
func TestDocumentsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	commands := map[string]bool{"help": true}
	for _, file := range glob(t, "internal/cli/*.go") {
		for _, m := range commandIs.FindAllStringSubmatch(read(t, file), -1) {
			commands[m[1]] = true
		}
	}
	exists := func(where, line string) {
		if name := strings.Fields(line)[1]; !commands[name] {
			t.Errorf("%s names `macrodata %s`, which is no command", where, name)
		}
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"} {
		for _, word := range words(read(t, name)) {
			if command.MatchString(word) {
				exists(name, word)
			}
		}
	}
	for _, s := range app.Declarations() {
		for _, c := range s.Commands {
			exists("the declaration of "+s.ID, c)
		}
		for _, text := range document(t, s) {
			for _, word := range words(text) {
				if c := command.FindString(word); c != "" && !slices.Contains(s.Commands, c) {
					t.Errorf("the document of %s names `%s`, which its declaration lacks", s.ID, c)
				}
			}
		}
	}
}

// TestAcceptanceChecksNameTestsThatExist: each check is a list item and names
// the test that proves it.
func TestAcceptanceChecksNameTestsThatExist(t *testing.T) {
	t.Parallel()
	tests := testsByName(t)
	for _, s := range app.Declarations() {
		checks := checksOf(t, s)
		for _, check := range checks {
			named := 0
			for _, word := range words(check) {
				if testName.MatchString(word) {
					named++
					if !tests[word] {
						t.Errorf("the document of %s names %s, which is no test", s.ID, word)
					}
				}
			}
			if named == 0 {
				t.Errorf("an acceptance check of %s names no test: %s", s.ID, check)
			}
		}
		if len(checks) == 0 {
			t.Errorf("the document of %s has no acceptance check", s.ID)
		}
	}
}
