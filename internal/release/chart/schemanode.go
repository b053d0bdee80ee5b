package chart

import (
	"encoding/json"
	"regexp"
	"strings"
)

// maxSchemaDepth limits cyclic references.
const maxSchemaDepth = 20

// schemaNode is a schema and the document that its references point into.
type schemaNode struct {
	document map[string]any
	node     map[string]any
}

// parseSchema returns nil for invalid data, which validation reports.
func parseSchema(data []byte) []schemaNode {
	var document map[string]any
	if json.Unmarshal(data, &document) != nil {
		return nil
	}
	return schemaNode{document, document}.expand(0)
}

// expand follows $ref and includes every branch of a choice, because the values decide
// which one applies.
func (s schemaNode) expand(depth int) []schemaNode {
	if depth > maxSchemaDepth {
		return nil
	}
	all := []schemaNode{s}
	if ref, ok := s.node["$ref"].(string); ok {
		if target, ok := Lookup(s.document, pointer(ref)).(map[string]any); ok {
			all = append(all, schemaNode{s.document, target}.expand(depth+1)...)
		}
	}
	for _, word := range []string{"if", "then", "else"} {
		if inner, ok := s.node[word].(map[string]any); ok {
			all = append(all, schemaNode{s.document, inner}.expand(depth+1)...)
		}
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := s.node[word].([]any)
		for _, each := range list {
			if inner, ok := each.(map[string]any); ok {
				all = append(all, schemaNode{s.document, inner}.expand(depth+1)...)
			}
		}
	}
	return all
}

// pointer splits a reference such as "#/$defs/image".
func pointer(ref string) []string {
	path := strings.Split(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/")
	for i := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(path[i])
	}
	if len(path) == 1 && path[0] == "" {
		return nil
	}
	return path
}

func (s schemaNode) properties() map[string]any {
	properties, _ := s.node["properties"].(map[string]any)
	return properties
}

func (s schemaNode) takesAnyKey() bool {
	switch additional := s.node["additionalProperties"].(type) {
	case bool:
		return additional
	case map[string]any:
		return len(additional) == 0
	}
	return false
}

func (s schemaNode) isClosed() bool {
	additional, ok := s.node["additionalProperties"].(bool)
	return ok && !additional
}

func (s schemaNode) child(key string) []schemaNode {
	var found []schemaNode
	add := func(inner any) {
		switch inner := inner.(type) {
		case map[string]any:
			found = append(found, schemaNode{s.document, inner}.expand(0)...)
		case bool:
			found = append(found, schemaNode{s.document, map[string]any{}})
		}
	}
	if inner, ok := s.properties()[key]; ok {
		add(inner)
	}
	patterns, _ := s.node["patternProperties"].(map[string]any)
	for pattern, inner := range patterns {
		if matched, err := regexp.MatchString(pattern, key); err == nil && matched {
			add(inner)
		}
	}
	if inner, ok := s.node["additionalProperties"].(map[string]any); ok && len(found) == 0 {
		add(inner)
	}
	return found
}
