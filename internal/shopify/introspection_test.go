package shopify

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The schema is Shopify's and stays out of the repository: it comes with a
// development dependency, as the result of an introspection.
const schemaFile = "../../tools/node_modules/@shopify/dev-mcp/dist/data/admin_" + Version + ".json.gz"

// realSchema loads Shopify's schema by way of its definition language, and the
// scopes of which a type or a Type.field needs one.
func realSchema(t *testing.T) (*ast.Schema, map[string][]string) {
	t.Helper()
	file, err := os.Open(schemaFile)
	if err != nil {
		t.Skipf("Shopify's schema is not here: run make deps (%v)", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Schema introspection `json:"__schema"`
		} `json:"data"`
		Scopes struct {
			Items []struct {
				TypeName, FieldName string
				OfflineScopes       []string
			}
		} `json:"offline_scopes"`
	}
	if err := json.NewDecoder(unzipped).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: Version, Input: answer.Data.Schema.sdl()})
	if err != nil {
		t.Fatal(err)
	}
	scopes := map[string][]string{}
	for _, i := range answer.Scopes.Items {
		name := i.TypeName
		if i.FieldName != "" {
			name += "." + i.FieldName
		}
		scopes[name] = i.OfflineScopes
	}
	return schema, scopes
}

type introspection struct {
	QueryType, MutationType struct{ Name string }
	Types                   []struct {
		Kind, Name    string
		Fields        []schemaField
		InputFields   []schemaField
		Interfaces    []schemaType
		PossibleTypes []schemaType
		EnumValues    []struct {
			Name         string
			IsDeprecated bool
		}
	}
}

type schemaField struct {
	Name         string
	Args         []schemaField
	Type         schemaType
	DefaultValue *string
	IsDeprecated bool
}

type schemaType struct {
	Kind, Name string
	OfType     *schemaType
}

func (t schemaType) String() string {
	switch t.Kind {
	case "NON_NULL":
		return t.OfType.String() + "!"
	case "LIST":
		return "[" + t.OfType.String() + "]"
	}
	return t.Name
}

func (f schemaField) String() string {
	s := f.Name
	if len(f.Args) > 0 {
		s += "(" + strings.Join(texts(f.Args), " ") + ")"
	}
	s += ": " + f.Type.String()
	if f.DefaultValue != nil {
		s += " = " + *f.DefaultValue
	}
	if f.IsDeprecated {
		s += " @deprecated"
	}
	return s
}

func texts[T fmt.Stringer](list []T) []string {
	s := make([]string, len(list))
	for i, e := range list {
		s[i] = e.String()
	}
	return s
}

func (in introspection) sdl() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schema { query: %s mutation: %s }\n", in.QueryType.Name, in.MutationType.Name)
	fmt.Fprintln(&b, "directive @idempotent(key: String!) on FIELD")
	builtin := []string{"Boolean", "Float", "ID", "Int", "String"}
	for _, t := range in.Types {
		switch {
		case strings.HasPrefix(t.Name, "__"), slices.Contains(builtin, t.Name):
		case t.Kind == "SCALAR":
			fmt.Fprintf(&b, "scalar %s\n", t.Name)
		case t.Kind == "UNION":
			fmt.Fprintf(&b, "union %s = %s\n", t.Name, strings.Join(texts(t.PossibleTypes), " | "))
		case t.Kind == "ENUM":
			fmt.Fprintf(&b, "enum %s {", t.Name)
			for _, v := range t.EnumValues {
				fmt.Fprint(&b, " ", v.Name)
			}
			fmt.Fprintln(&b, " }")
		default:
			word := cmp.Or(map[string]string{"INTERFACE": "interface", "INPUT_OBJECT": "input"}[t.Kind], "type")
			fmt.Fprintf(&b, "%s %s ", word, t.Name)
			if len(t.Interfaces) > 0 {
				fmt.Fprintf(&b, "implements %s ", strings.Join(texts(t.Interfaces), " & "))
			}
			fmt.Fprintf(&b, "{\n%s\n}\n", strings.Join(texts(append(t.Fields, t.InputFields...)), "\n"))
		}
	}
	return b.String()
}
