package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is a request to an operation, in parts that can be spoiled.
type request struct {
	operation
	in     map[string]string // parameters of the path
	query  url.Values
	header http.Header
	body   []byte
	what   string // is special about it
	want   []int  // statuses; empty for all that the document names
	blames string // the part that an answer of 422 has to name; "" for whichever
	secret string // that must not come back in a problem
}

func (r request) String() string { return fmt.Sprintf("%s, %s %s", r.what, r.method, r.path) }

func (r request) target() string {
	path := r.path
	for name, value := range r.in {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	if len(r.query) > 0 {
		path += "?" + r.query.Encode()
	}
	return path
}

// clone returns a copy of a request, to be spoiled.
func (r request) clone(what string, want ...int) request {
	r.in, r.query, r.header = maps.Clone(r.in), maps.Clone(r.query), r.header.Clone()
	r.what, r.want = what, want
	return r
}

// author writes requests. Ids that answers told are asked for again.
type author struct {
	*contract
	dice  *rand.Rand
	known map[string][]string // ids by the name of the parameter that takes them
	seen  map[string]answer   // things with a version, by their path
}

// right returns a request that the document allows.
func (a author) right(o operation) request {
	r := request{operation: o, in: map[string]string{}, query: url.Values{}, header: http.Header{}, what: "a right request"}
	for _, p := range o.parameters {
		switch value := a.parameter(p); {
		case p.in == "path":
			r.in[p.name] = value
		case !p.required && a.dice.IntN(3) > 0, p.name == "cursor": // a cursor is not made up
		case p.in == "query":
			r.query.Set(p.name, value)
		case p.name == "If-Match":
			r.header.Set(p.name, `"1"`)
		default:
			r.header.Set(p.name, value)
		}
	}
	if o.body != nil {
		r.body, _ = json.Marshal(a.value(o.body)) // of maps, lists and scalars
	} else {
		r.body = []byte(o.example)
	}
	if o.media != "" {
		r.header.Set("Content-Type", o.media)
	}
	a.sendBack(&r)
	return r
}

// sendBack makes a request that replaces a thing one that replaces it by what
// was read: as much of that as is taken.
func (a author) sendBack(r *request) {
	var there struct{ Data object }
	thing, ok := a.seen[r.target()]
	if !ok || r.method != http.MethodPut || a.dice.IntN(3) == 0 || json.Unmarshal(thing.body, &there) != nil {
		return
	}
	taken := at(r.operation.body, "properties")
	maps.DeleteFunc(there.Data, func(name string, _ any) bool { return taken[name] == nil })
	r.body, _ = json.Marshal(there.Data) // was JSON
	r.header.Set("If-Match", thing.header.Get("ETag"))
}

// plain returns a right request without anything that may be left out.
func (a author) plain(o operation) request {
	r := a.right(o)
	r.query = url.Values{}
	for _, p := range o.parameters {
		if p.in == "query" && p.required {
			r.query.Set(p.name, a.parameter(p))
		}
	}
	return r
}

// parameter returns a value of a parameter: one that is there, where one is known.
func (a author) parameter(p parameter) string {
	if ids := a.known[p.name]; len(ids) > 0 && a.dice.IntN(4) > 0 {
		return ids[a.dice.IntN(len(ids))]
	}
	return fmt.Sprint(a.value(p.schema))
}

// value returns a random value of a schema.
func (a author) value(schema object) any {
	schema = a.resolve(schema)
	if list, ok := schema["enum"].([]any); ok {
		return list[a.dice.IntN(len(list))]
	}
	for _, one := range []string{"oneOf", "anyOf"} {
		if list, ok := schema[one].([]any); ok {
			return a.value(list[a.dice.IntN(len(list))].(object))
		}
	}
	switch typeOf(schema) {
	case "object":
		return a.object(schema)
	case "array":
		if examples, ok := schema["examples"].([]any); ok && a.dice.IntN(4) > 0 {
			return examples[a.dice.IntN(len(examples))]
		}
		least, most := number(schema, "minItems", 0), number(schema, "maxItems", 3)
		if a.resolve(at(schema, "items"))["enum"] != nil {
			most = min(most, 1) // and different from each other
		}
		list := []any{}
		for range least + a.dice.IntN(max(1, min(most, least+3)-least+1)) {
			list = append(list, a.value(at(schema, "items")))
		}
		return list
	case "integer":
		least := number(schema, "minimum", 0)
		return least + a.dice.IntN(min(number(schema, "maximum", least+1000)-least, 1000)+1)
	case "number":
		return float64(number(schema, "minimum", 0)) + float64(a.dice.IntN(100))/100
	case "boolean":
		return a.dice.IntN(2) == 0
	case "string":
		return a.text(schema)
	}
	return object{} // whatever one likes
}

func (a author) object(schema object) any {
	required, _ := schema["required"].([]any)
	o, properties := object{}, at(schema, "properties")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property := a.resolve(properties[name].(object))
		if readOnly, _ := property["readOnly"].(bool); !readOnly && (slices.Contains(required, any(name)) || a.dice.IntN(2) == 0) {
			o[name] = a.value(property)
		}
	}
	return o
}

func (a author) text(schema object) string {
	switch schema["format"] {
	case "uuid":
		return fmt.Sprintf("%08x-0000-7000-8000-%012x", a.dice.Uint32(), a.dice.Uint32())
	case "date-time":
		return fmt.Sprintf("2026-%02d-%02dT%02d:00:00Z", 1+a.dice.IntN(12), 1+a.dice.IntN(28), a.dice.IntN(24))
	case "date":
		return fmt.Sprintf("2026-%02d-%02d", 1+a.dice.IntN(12), 1+a.dice.IntN(28))
	}
	if examples, ok := schema["examples"].([]any); ok && (schema["pattern"] != nil || a.dice.IntN(4) > 0) {
		return fmt.Sprint(examples[a.dice.IntN(len(examples))])
	}
	text := fmt.Sprintf("%08x", a.dice.Uint32()) + strings.Repeat("x", number(schema, "minLength", 0))
	return text[:min(len(text), number(schema, "maxLength", len(text)))]
}

// typeOf is the type of a schema's values, that beside null where there are two.
func typeOf(schema object) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if one != "null" {
				return fmt.Sprint(one)
			}
		}
	}
	return ""
}

// number returns a number of a schema, or another where it has none.
func number(schema object, name string, otherwise int) int {
	if n, ok := schema[name].(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return int(f)
		}
	}
	return otherwise
}
