// Package scenario says what a scenario offers the program: enough to list it,
// to run it, and to hold its document against the code.
package scenario

import (
	"io/fs"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// Scenario is one of the product's scenarios, declared by its package.
type Scenario struct {
	ID        string // names the folder, the package, the SQL file and the workflows
	Title     string
	Document  string // Markdown: the README.md of its package, for people who don't read Go
	Workflows []Workflow
	Endpoints []api.Endpoint
	Undoers   []api.Undoer // of the changes that its endpoints record
	Queries   fs.FS        // *.sql files that the lakehouse answers by name; nil where it isn't asked
	Commands  []string     // of the command line, such as "macrodata sync"
	Reads     []string     // tables, beside those that it writes
	Writes    []string     // tables
}

// Workflow is a durable workflow of a scenario.
type Workflow struct {
	Name    string // "<scenario id>.<verb>", frozen once deployed
	Trigger string // what starts it
	Steps   []Step // in the order in which they first run
}

// Step is a durable step, or a family of steps that differ by a number.
type Step struct {
	Name  string // up to the number
	Where string // what it touches: "Shopify", "PostgreSQL", "object storage"
	What  string // one sentence
}

// Goal returns the first paragraph of the document's section of that name, ""
// where it has none.
func (s Scenario) Goal() string {
	_, rest, _ := strings.Cut(s.Document, "\n## Goal\n")
	paragraph, _, _ := strings.Cut(strings.TrimSpace(rest), "\n\n")
	return paragraph
}
