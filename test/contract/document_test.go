package contract

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/macrodata-dev/macrodata/internal/app"
)

const (
	eventStream = "text/event-stream"
	problemType = "application/problem+json"
)

// object is a JSON object, as the parser of schemas reads it.
type object = map[string]any

// contract is the document of the API, read for those who ask by it.
type contract struct {
	root     object
	schemas  *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// operation is one operation of the document.
type operation struct {
	method, path, id string
	parameters       []parameter
	body             object // its schema; nil where it takes none, or none of JSON
	media            string // of the body; "" where it takes none
	example          string // of a body that isn't JSON
	required         bool   // the body
	responses        object
}

type parameter struct {
	name, in string
	required bool
	several  bool // may come several times
	schema   object
}

func readContract(t *testing.T) contract {
	t.Helper()
	_, document, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	c := contract{root.(object), jsonschema.NewCompiler(), map[string]*jsonschema.Schema{}}
	c.schemas.DefaultDraft(jsonschema.Draft2020)
	c.schemas.AssertFormat()
	if err := c.schemas.AddResource("openapi.json", root); err != nil {
		t.Fatal(err)
	}
	return c
}

// at follows names into nested objects; nil where there is nothing.
func at(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// operations lists what the API offers, in an order that stays.
func (c contract) operations() (list []operation) {
	for path, methods := range at(c.root, "paths") {
		for method, o := range methods.(object) {
			o := o.(object)
			op := operation{method: strings.ToUpper(method), path: path, responses: at(o, "responses")}
			op.id, _ = o["operationId"].(string)
			parameters, _ := o["parameters"].([]any)
			for _, p := range parameters {
				p := p.(object)
				in := parameter{schema: c.resolve(at(p, "schema"))}
				in.name, _ = p["name"].(string)
				in.in, _ = p["in"].(string)
				in.required, _ = p["required"].(bool)
				in.several, _ = p["explode"].(bool)
				op.parameters = append(op.parameters, in)
			}
			if body := at(o, "requestBody"); body != nil {
				op.body = c.resolve(at(body, "content", "application/json", "schema"))
				for media, content := range at(body, "content") {
					op.media = media
					op.example, _ = content.(object)["example"].(string)
				}
				op.required, _ = body["required"].(bool)
			}
			list = append(list, op)
		}
	}
	slices.SortFunc(list, func(x, y operation) int { return strings.Compare(x.id, y.id) })
	return list
}

// resolve follows references.
func (c contract) resolve(schema object) object {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema = at(c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
}

// response returns the document's words for a status, as it stands there.
func (o operation) response(status int) (name string, response object) {
	for _, name := range []string{fmt.Sprint(status), fmt.Sprintf("%dXX", status/100), "default"} {
		if r := at(o.responses, name); r != nil {
			return name, r
		}
	}
	return "", nil
}

// valid holds a body against the schema of an operation's response.
func (c contract) valid(o operation, response, mediaType string, body []byte) error {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B")
	place := []string{"openapi.json#", "paths", o.path, strings.ToLower(o.method), "responses", response, "content", mediaType, "schema"}
	for i := range place[1:] {
		place[i+1] = escape.Replace(place[i+1])
	}
	where := strings.Join(place, "/")
	if c.compiled[where] == nil {
		s, err := c.schemas.Compile(where)
		if err != nil {
			return err
		}
		c.compiled[where] = s
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return c.compiled[where].Validate(value)
}
