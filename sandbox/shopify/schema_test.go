package shopify

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// realSchema is Shopify's own schema, from the development dependency.
const realSchema = "../../tools/node_modules/@shopify/dev-mcp/dist/data/admin_2026-10.json.gz"

type introspection struct {
	Data struct {
		Schema struct{ Types []realType } `json:"__schema"`
	}
}

type realType struct {
	Name       string
	Kind       string
	Fields     []realField
	Interfaces []typeRef
	EnumValues []struct{ Name string }
}

type realField struct {
	Name string
	Args []struct {
		Name         string
		Type         typeRef
		DefaultValue *string
	}
	Type         typeRef
	IsDeprecated bool
}

type typeRef struct {
	Kind   string
	Name   string
	OfType *typeRef
}

func (t typeRef) String() string {
	switch t.Kind {
	case "NON_NULL":
		return t.OfType.String() + "!"
	case "LIST":
		return "[" + t.OfType.String() + "]"
	}
	return t.Name
}

func readRealSchema(t *testing.T) map[string]realType {
	t.Helper()
	f, err := os.Open(realSchema)
	if os.IsNotExist(err) {
		t.Skip("Shopify's schema is not installed: run make deps")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc introspection
	if err := json.NewDecoder(zipped).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	types := map[string]realType{}
	for _, typ := range doc.Data.Schema.Types {
		types[typ.Name] = typ
	}
	return types
}

// own are the types that our schema defines itself.
func own(t *testing.T) []*ast.Definition {
	t.Helper()
	schema, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	var defs []*ast.Definition
	for name, def := range schema.Types {
		if !strings.HasPrefix(name, "__") && !def.BuiltIn {
			defs = append(defs, def)
		}
	}
	return defs
}

func TestSchemaIsSubsetOfShopifys(t *testing.T) {
	t.Parallel()
	types := readRealSchema(t)
	for _, def := range own(t) {
		real, ok := types[def.Name]
		if !ok || real.Kind != string(def.Kind) {
			t.Errorf("%s %s: Shopify has no such type", def.Kind, def.Name)
			continue
		}
		for _, name := range def.Interfaces {
			if !slices.ContainsFunc(real.Interfaces, func(r typeRef) bool { return r.Name == name }) {
				t.Errorf("%s does not implement %s", def.Name, name)
			}
		}
		for _, v := range def.EnumValues {
			if !slices.ContainsFunc(real.EnumValues, func(r struct{ Name string }) bool { return r.Name == v.Name }) {
				t.Errorf("%s has no value %s", def.Name, v.Name)
			}
		}
		for _, f := range def.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				compareField(t, def.Name, f, real.Fields)
			}
		}
	}
}

func compareField(t *testing.T, typ string, f *ast.FieldDefinition, real []realField) {
	t.Helper()
	i := slices.IndexFunc(real, func(r realField) bool { return r.Name == f.Name })
	if i < 0 {
		t.Errorf("%s has no field %s", typ, f.Name)
		return
	}
	if real[i].IsDeprecated {
		t.Errorf("%s.%s is deprecated", typ, f.Name)
	}
	if got, want := f.Type.String(), real[i].Type.String(); got != want {
		t.Errorf("%s.%s is of type %s, not %s", typ, f.Name, want, got)
	}
	for _, a := range f.Arguments {
		found := false
		for _, r := range real[i].Args {
			if r.Name != a.Name {
				continue
			}
			found = true
			value := "<none>"
			if r.DefaultValue != nil {
				value = *r.DefaultValue
			}
			own := "<none>"
			if a.DefaultValue != nil {
				own = a.DefaultValue.String()
			}
			if r.Type.String() != a.Type.String() || value != own {
				t.Errorf("%s.%s(%s) is %s = %s, not %s = %s", typ, f.Name, a.Name, r.Type, value, a.Type, own)
			}
		}
		if !found {
			t.Errorf("%s.%s has no argument %s", typ, f.Name, a.Name)
		}
	}
}

func TestEveryFieldOfTheSchemaIsAnswered(t *testing.T) {
	t.Parallel()
	types, roots := objectTypes(), rootFields()
	for _, def := range own(t) {
		if def.Kind != ast.Object {
			continue
		}
		for _, f := range def.Fields {
			_, ok := fieldsOf(types, def.Name)[f.Name]
			if def.Name == "QueryRoot" || def.Name == "Mutation" {
				_, ok = roots[f.Name]
			}
			if !ok && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s is in the schema, and nothing answers it", def.Name, f.Name)
			}
		}
	}
}

func TestOurDocumentsAreValid(t *testing.T) {
	t.Parallel()
	schema, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../internal/shopify/queries/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents found: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, errs := gqlparser.LoadQueryWithRules(schema, string(b), rules.NewDefaultRules()); errs != nil {
			t.Errorf("%s: %v", filepath.Base(file), errs)
		}
	}
}
