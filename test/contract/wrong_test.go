package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// secret stands in values that no problem may repeat.
const secret = "zq7Xw9"

// hostile are texts that something behind the API might take for more than a
// text. None is the name of anything, so as a filter each finds nothing.
var hostile = map[string]string{
	"a quote that ends a string of SQL": secret + `' OR '1'='1`,
	"a statement of SQL":                secret + `'; DROP TABLE change; --`,
	"SQL's patterns":                    "%_" + secret + "%",
	"a subquery":                        secret + `' || (SELECT current_user) || '`,
	"a parameter's name":                "$1::text" + secret,
	"a backslash and a quote":           secret + `\' "`,
	"markup":                            "<script>" + secret + "</script>",
	"a path upwards":                    "../../" + secret,
	"a template":                        "{{" + secret + "}}${7*7}",
	"line ends":                         secret + "\r\nX-Evil: 1",
	"letters of many scripts":           secret + "é漢🦊\u202e\u0301",
	"a long text":                       strings.Repeat(secret, 300),
}

// wrong returns all requests to an operation that are wrong in one way, or that
// hold a text which has to be taken literally.
func (a author) wrong(o operation) (list []request) {
	base := a.plain(o)
	add := func(r request, blames string) { r.blames, r.secret = blames, secret; list = append(list, r) }
	r := base.clone("a parameter that there isn't", http.StatusUnprocessableEntity)
	r.query.Set("nosuch", secret)
	add(r, "query.nosuch")
	r = base.clone("without a token", http.StatusUnauthorized)
	r.header.Set("Cf-Access-Jwt-Assertion", "")
	add(r, "")
	for _, p := range o.parameters {
		a.wrongParameter(base, p, add)
	}
	switch {
	case o.body != nil:
		a.wrongBody(base, add)
	case o.media != "":
		wrongText(base, add)
	case o.method != http.MethodGet:
		r := base.clone("a body where none is taken", http.StatusUnprocessableEntity)
		r.body = []byte(`{"` + secret + `": 1}`)
		add(r, "body")
	}
	return list
}

func (a author) wrongParameter(base request, p parameter, add func(request, string)) {
	spoil := func(what, value string, want ...int) {
		r := base.clone(fmt.Sprintf("%s %s: %s", p.in, p.name, what), want...)
		switch p.in {
		case "path":
			r.in[p.name] = value
		case "query":
			r.query.Set(p.name, value)
		default:
			r.header[p.name] = []string{value}
		}
		add(r, p.in+"."+p.name)
	}
	const refused, malformed, missing = http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusNotFound
	bad := refused
	if p.name == "cursor" {
		bad = malformed
	}
	switch {
	case p.in == "header":
		spoil("none of its kind", strings.Repeat(secret, 100), refused)
		spoil("not ASCII", secret+"é", refused)
	case typeOf(p.schema) != "string" || p.schema["enum"] != nil || p.schema["format"] != nil || p.schema["pattern"] != nil || p.name == "cursor":
		for what, value := range hostile {
			spoil(what, value, bad)
		}
		for _, value := range []string{"-1", "1e400", strings.Repeat("9", 40), "NaN", "null", "[]", " "} {
			spoil("for example "+value, value, bad)
		}
	case p.in == "path":
		for what, value := range hostile { // a body before may have made something of that name
			spoil(what, value, refused, missing, http.StatusNoContent)
		}
	default:
		for what, value := range hostile {
			spoil(what, value, http.StatusOK, refused)
		}
	}
	if p.in != "header" {
		spoil("NUL", secret+"\x00", refused)
		spoil("no UTF-8", secret+"\xff\xc0", refused)
	}
	if p.in == "query" {
		spoil("empty", "", refused)
	}
	if p.in == "query" && !p.several {
		r := base.clone("query "+p.name+" twice", refused)
		r.query[p.name] = []string{a.parameter(p), a.parameter(p)}
		add(r, "query."+p.name)
	}
}

// wrongText spoils a body that isn't JSON.
func wrongText(base request, add func(request, string)) {
	for what, c := range map[string]struct {
		text string
		want int
	}{
		"missing":                       {"", http.StatusBadRequest},
		"of no sense":                   {secret + "\n\n", http.StatusUnprocessableEntity},
		"no UTF-8":                      {base.example + secret + "\xff\xc0", http.StatusUnprocessableEntity},
		"with NUL":                      {base.example + secret + "\x00", http.StatusUnprocessableEntity},
		"larger than an endpoint takes": {strings.Repeat(base.example, 1+(20<<20)/len(base.example)), http.StatusRequestEntityTooLarge},
	} {
		r := base.clone("a body that is "+what, c.want)
		r.header.Del("Idempotency-Key") // each is another request
		r.body = []byte(c.text)
		add(r, "")
	}
	wrongMedia(base, add)
}

func wrongMedia(base request, add func(request, string)) {
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/xml", "no type"} {
		r := base.clone("a body said to be "+media, http.StatusUnsupportedMediaType)
		r.header.Set("Content-Type", media)
		add(r, "")
	}
}

func (a author) wrongBody(base request, add func(request, string)) {
	const refused, malformed = http.StatusUnprocessableEntity, http.StatusBadRequest
	body := func(what, blames, text string, want ...int) {
		r := base.clone("a body that is "+what, want...)
		r.header.Del("Idempotency-Key") // each is another request
		r.body = []byte(text)
		add(r, blames)
	}
	body("cut", "", `{"`+secret, malformed)
	body("no UTF-8", "", "{\"\xff\": 1}", malformed)
	body("nested ten thousand deep", "", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000), malformed)
	body("followed by another", "", `{} {"`+secret+`": 1}`, malformed)
	body("larger than an endpoint takes", "", `"`+strings.Repeat("x", 20<<20)+`"`, http.StatusRequestEntityTooLarge)
	for _, text := range []string{`null`, `1`, `"` + secret + `"`, `true`} {
		body("for example "+text, "body", text, refused)
	}
	if base.required {
		body("missing", "", "", malformed)
	}
	wrongMedia(base, add)
	if typeOf(base.operation.body) != "object" {
		return
	}
	change := func(what, blames string, want []int, with func(object)) {
		var o object
		if json.Unmarshal(base.body, &o) != nil {
			return
		}
		with(o)
		text, _ := json.Marshal(o) // was JSON
		body(what, blames, string(text), want...)
	}
	if base.operation.body["additionalProperties"] == false {
		change("richer by a field", "body", []int{refused}, func(o object) { o["nosuch"] = secret })
	}
	required, _ := base.operation.body["required"].([]any)
	for _, name := range required {
		change("without "+name.(string), "body", []int{refused}, func(o object) { delete(o, name.(string)) })
	}
	properties := at(base.operation.body, "properties")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		a.wrongField(name, a.resolve(properties[name].(object)), change)
	}
}

// wrongField spoils one field of a body.
func (a author) wrongField(name string, schema object, change func(string, string, []int, func(object))) {
	set := func(what string, value any, want ...int) {
		change(fmt.Sprintf("wrong in %s: %s", name, what), "body."+name, want, func(o object) { o[name] = value })
	}
	values := map[string]any{
		"string": secret, "number": json.Number("1" + strings.Repeat("0", 300)), "boolean": true,
		"array": []any{object{secret: secret}, nil}, "object": object{secret: secret},
	}
	kind := typeOf(schema)
	for _, other := range slices.Sorted(maps.Keys(values)) {
		if kind != "" && other != kind && (kind != "integer" || other != "number") {
			set("a "+other, values[other], http.StatusUnprocessableEntity)
		}
	}
	if _, several := schema["type"].([]any); kind != "" && !several { // else null is one of the types
		set("null", nil, http.StatusUnprocessableEntity)
	}
	switch {
	case kind == "integer":
		set("far too large", json.Number("1e300"), http.StatusUnprocessableEntity)
		set("a fraction", 1.5, http.StatusUnprocessableEntity)
	case kind == "string" && schema["enum"] == nil && schema["format"] == nil:
		for what, text := range hostile { // a right text: what is refused may be the rest of a body that was made up
			change(fmt.Sprintf("odd in %s: %s", name, what), "", nil, func(o object) { o[name] = text })
		}
	case kind == "string":
		for what, text := range hostile {
			set(what, text, http.StatusUnprocessableEntity)
		}
	}
	if kind == "string" {
		change(name+" with NUL", "body", []int{http.StatusUnprocessableEntity}, func(o object) { o[name] = secret + "\x00" })
	}
}
