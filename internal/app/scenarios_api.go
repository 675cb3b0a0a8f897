package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
)

// catalogue tells what the program does, scenario by scenario, out of their
// declarations. It needs no database.
type catalogue []scenarioEntry

func scenarioEndpoints() []api.Endpoint {
	var c catalogue
	for _, s := range Declarations() {
		c = append(c, entryOf(s))
	}
	return []api.Endpoint{
		api.ListOf("/api/scenarios", "listScenarios", "Lists the scenarios that the program knows, in the product's order.", c.list, scenarioEntry.id),
		api.Get("/api/scenarios/{scenarioId}", "getScenario", "Tells a scenario, with its document.", c.get),
	}
}

type scenarioEntry struct {
	ID    string `json:"id" example:"bulksync"`
	Title string `json:"title" example:"Daily Shopify bulk sync"`
	Goal  string `json:"goal" doc:"The first paragraph of its document."`

	Workflows []scenarioWorkflow `json:"workflows" csv:"-"`
	Endpoints []scenarioEndpoint `json:"endpoints" csv:"-"`
	Tables    []scenarioTable    `json:"tables" csv:"-"`
	Commands  []string           `json:"commands" doc:"Of the command line."`
	Document  string             `json:"document,omitempty" csv:"-" doc:"Markdown; told of one scenario alone."`
}

type scenarioWorkflow struct {
	Name    string         `json:"name" example:"bulksync.sync"`
	Trigger string         `json:"trigger" doc:"What starts it."`
	Steps   []scenarioStep `json:"steps" doc:"In the order in which they first run."`
}

type scenarioStep struct {
	Name  string `json:"name" doc:"Up to the number, where there are several."`
	Where string `json:"where" doc:"What it touches; empty for nothing." example:"PostgreSQL"`
	What  string `json:"what" doc:"What it does."`
}

type scenarioEndpoint struct {
	Method      string `json:"method" enum:"GET,POST,PUT,PATCH,DELETE"`
	Path        string `json:"path" example:"/api/ingest/runs"`
	OperationID string `json:"operationId"`
	Summary     string `json:"summary"`
	CSV         bool   `json:"csv" doc:"Is there as path.csv, too."`
}

type scenarioTable struct {
	Name   string `json:"name" example:"watermark"`
	Access string `json:"access" enum:"write,read" doc:"Whether the scenario writes it, or only reads it."`
}

func entryOf(s scenario.Scenario) scenarioEntry {
	e := scenarioEntry{
		ID: s.ID, Title: s.Title, Goal: s.Goal(), Document: s.Document,
		Workflows: []scenarioWorkflow{}, Endpoints: []scenarioEndpoint{}, Tables: []scenarioTable{},
		Commands: append([]string{}, s.Commands...),
	}
	for _, w := range s.Workflows {
		flow := scenarioWorkflow{Name: w.Name, Trigger: w.Trigger, Steps: []scenarioStep{}}
		for _, step := range w.Steps {
			flow.Steps = append(flow.Steps, scenarioStep(step))
		}
		e.Workflows = append(e.Workflows, flow)
	}
	for _, p := range s.Endpoints {
		e.Endpoints = append(e.Endpoints, scenarioEndpoint{p.Method, p.Path, p.ID, p.Summary, p.CSV})
	}
	for _, table := range s.Writes {
		e.Tables = append(e.Tables, scenarioTable{table, "write"})
	}
	for _, table := range s.Reads {
		e.Tables = append(e.Tables, scenarioTable{table, "read"})
	}
	return e
}

func (e scenarioEntry) id() string { return e.ID }

// list goes on behind a scenario, whose id is the position: there are too few
// for more, and their order is that of the product.
func (c catalogue) list(_ context.Context, _ *struct{ api.Page }, after *string, limit int) ([]scenarioEntry, error) {
	rest := slices.Clone(c)
	if after != nil {
		rest = rest[1+slices.IndexFunc(rest, func(e scenarioEntry) bool { return e.ID == *after }):]
	}
	rest = rest[:min(len(rest), limit)]
	for i := range rest {
		rest[i].Document = ""
	}
	return rest, nil
}

type scenarioRequest struct {
	ID string `path:"scenarioId" maxLength:"40" example:"bulksync"`
}

func (c catalogue) get(_ context.Context, req *scenarioRequest) (*api.One[scenarioEntry], error) {
	for _, e := range c {
		if e.ID == req.ID {
			return &api.One[scenarioEntry]{Data: e}, nil
		}
	}
	return nil, errs.WithRemedy(fmt.Errorf("there is no such scenario: %w", errs.NotFound), "GET /api/scenarios lists what there is")
}
