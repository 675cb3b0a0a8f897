package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

const isNull = "is null: leave it out, or give it a value"

// findNulls adds a fault for each null of a body where its schema has none:
// huma takes those for members that aren't there. What is no JSON is for the
// parser to find.
func findNulls(body []byte, schema *huma.Schema, refs huma.Registry, faults *Faults) {
	if !bytes.Contains(body, []byte("null")) {
		return
	}
	var value any
	if json.Unmarshal(body, &value) == nil {
		walkNulls("body", value, schema, refs, faults)
	}
}

func walkNulls(where string, value any, schema *huma.Schema, refs huma.Registry, faults *Faults) {
	if schema != nil && schema.Ref != "" {
		schema = refs.SchemaFromRef(schema.Ref)
	}
	if len(*faults) >= maxFaults {
		return
	}
	// What may be anything, or one of several things, may be null.
	if schema == nil || schema.Type == "" || len(schema.OneOf)+len(schema.AnyOf)+len(schema.AllOf) > 0 {
		return
	}
	switch value := value.(type) {
	case nil:
		if !schema.Nullable {
			faults.Add(where, isNull)
		}
	case []any:
		for i, v := range value {
			walkNulls(fmt.Sprintf("%s[%d]", where, i), v, schema.Items, refs, faults)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			member := schema.Properties[name]
			if rest, ok := schema.AdditionalProperties.(*huma.Schema); ok && member == nil {
				member = rest
			}
			walkNulls(where+"."+clip(name), value[name], member, refs, faults)
		}
	}
}
