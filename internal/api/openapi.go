package api

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// document returns what stands in the document before any endpoint.
func (a *API) document() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: a.config.Title, Version: a.config.Version, Description: a.config.Description,
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Contact: &huma.Contact{Name: "macrodata", URL: "https://github.com/macrodata-dev/macrodata"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "The server that this document comes from."}},
		Components: &huma.Components{
			Schemas: newRegistry(a.names),
			SecuritySchemes: map[string]*huma.SecurityScheme{"access": {
				Type: "apiKey", In: "header", Name: "Cf-Access-Jwt-Assertion",
				Description: "The token that Cloudflare Access adds once somebody is signed in.",
			}},
		},
		Security: []map[string][]string{{"access": {}}},
	}
}

// operation describes an endpoint to huma, but for its requests and responses.
func (a *API) operation(e Endpoint) huma.Operation {
	op := huma.Operation{
		Method: e.Method, Path: e.Path, OperationID: e.ID, Summary: e.Summary, Description: e.Description, Tags: e.Tags,
		MaxBodyBytes: e.maxBody + 1, BodyReadTimeout: -1, // the gate has read the body by then
		Responses: map[string]*huma.Response{},
	}
	problem := a.registry().Schema(reflect.TypeFor[Problem](), true, "")
	for class, description := range map[string]string{"4XX": "What is wrong with the request, or in its way.", "5XX": "What is wrong here."} {
		op.Responses[class] = &huma.Response{
			Description: description,
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
	if e.keyed {
		length := maxKey
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: keyHeader, In: "header",
			Description: "Chosen by the caller, once for each thing to do: the same key and body has one effect and one answer, for 24 hours.",
			Schema:      &huma.Schema{Type: huma.TypeString, MaxLength: &length},
		})
	}
	if op.Description == "" {
		op.Description = e.Summary
	}
	return op
}

// finish reads from an operation, now that huma knows it, what the gate needs.
// A CSV has no pages.
func (a *API) finish(e Endpoint, g *gate) {
	op := operationOf(a.huma.OpenAPI().Paths[e.Path], e.Method)
	if op.Responses["200"] != nil && op.Responses["200"].Content["text/csv"] != nil {
		op.Parameters = slices.DeleteFunc(op.Parameters, func(p *huma.Param) bool {
			return p.In == "query" && (p.Name == "limit" || p.Name == "cursor")
		})
	}
	if body := op.RequestBody; body != nil && body.Content["application/json"] == nil {
		for _, media := range body.Content { // a text, whatever huma calls it
			media.Schema, media.Example = stringSchema(nil), e.example
		}
	}
	for _, p := range op.Parameters {
		if s := p.Schema; p.In == "query" && s.Type == huma.TypeString && s.Enum == nil && s.Format == "" && s.Pattern == "" && s.MinLength == nil {
			s.MinLength = new(1) // the gate refuses empty ones
		}
	}
	for _, segment := range strings.Split(e.Path, "/") {
		name, isParameter := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		if isParameter && !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name }) {
			panic(fmt.Sprintf("the request has no field for {%s} of the path", name))
		}
	}
	g.learn(op, a.registry())
}

func operationOf(p *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{
		http.MethodGet: p.Get, http.MethodPost: p.Post, http.MethodPut: p.Put,
		http.MethodPatch: p.Patch, http.MethodDelete: p.Delete,
	}[method]
}

// close completes the document, renders it, and serves it and what is no
// endpoint.
func (a *API) close() (err error) {
	doc := a.huma.OpenAPI()
	seen := map[string]bool{}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete} {
			if op == nil {
				continue
			}
			for _, tag := range op.Tags {
				seen[tag] = true
			}
			for _, p := range op.Parameters {
				plainPattern(p.Schema)
			}
		}
	}
	for tag := range seen {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: tag, Description: "Endpoints of " + strings.ReplaceAll(tag, "-", " ") + "."})
	}
	slices.SortFunc(doc.Tags, func(x, y *huma.Tag) int { return strings.Compare(x.Name, y.Name) })
	for _, schema := range doc.Components.Schemas.Map() {
		plainPattern(schema)
	}
	if a.json, err = doc.MarshalJSON(); err != nil {
		return err
	}
	if a.yaml, err = doc.YAML(); err != nil {
		return err
	}
	a.mux.HandleFunc("GET /api/openapi.json", serveDocument("application/openapi+json", a.json))
	a.mux.HandleFunc("GET /api/openapi.yaml", serveDocument("application/openapi+yaml", a.yaml))
	a.mux.HandleFunc("/api/", a.notServed)
	return a.shadow()
}

// plainPattern takes out of the document what huma calls a pattern in messages:
// it has made these by now, and OpenAPI has no such word.
func plainPattern(s *huma.Schema) {
	if s == nil {
		return
	}
	s.PatternDescription = ""
	plainPattern(s.Items)
	for _, property := range s.Properties {
		plainPattern(property)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		plainPattern(values)
	}
}

func serveDocument(mediaType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body) // a client that went away
	}
}
