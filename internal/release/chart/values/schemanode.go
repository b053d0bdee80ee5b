package values

import (
	"regexp"
	"strings"

	helmchart "helm.sh/helm/v3/pkg/chart"
)

// maxSchemaDepth limits cyclic references.
const maxSchemaDepth = 20

// schemaNode is a part of a schema, and the file that its references are relative to.
type schemaNode struct {
	files *schemaFiles
	file  string
	node  map[string]any
}

// parseSchema returns nil for an invalid schema, which validation reports.
func parseSchema(c *helmchart.Chart) []schemaNode {
	if len(c.Schema) == 0 {
		return nil
	}
	files := newSchemaFiles(c)
	document, err := files.load(schemaFile)
	if err != nil {
		return nil
	}
	return files.node(schemaFile, document, 0)
}

// node returns the schema in a document and those that it refers to. It includes every
// branch of a choice, because the values decide which one applies.
func (s *schemaFiles) node(file string, document any, depth int) []schemaNode {
	node, ok := document.(map[string]any)
	if !ok || depth > maxSchemaDepth {
		return nil
	}
	all := []schemaNode{{s, file, node}}
	if ref, ok := node["$ref"].(string); ok {
		name, fragment, _ := strings.Cut(strings.TrimPrefix(ref, schemaRoot), "#")
		if name == "" {
			name = file
		}
		target, err := s.load(name)
		if found := Lookup(target, pointer(fragment)); err == nil && found != nil {
			all = append(all, s.node(name, found, depth+1)...)
		} else {
			all = append(all, schemaNode{s, file, map[string]any{skippedRef: ref}})
		}
	}
	for _, word := range []string{"if", "then", "else"} {
		all = append(all, s.node(file, node[word], depth+1)...)
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := node[word].([]any)
		for _, each := range list {
			all = append(all, s.node(file, each, depth+1)...)
		}
	}
	return all
}

// pointer splits the fragment of a reference, such as "/$defs/image".
func pointer(fragment string) []string {
	path := strings.Split(strings.TrimPrefix(fragment, "/"), "/")
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
	if s.node[skippedRef] != nil {
		return true
	}
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
			found = append(found, s.files.node(s.file, inner, 0)...)
		case bool:
			found = append(found, schemaNode{s.files, s.file, map[string]any{}})
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
