package chart

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

type scope struct {
	defaults any
	schemas  []schemaNode
	chart    *helmchart.Chart // nil unless its values start here
}

// unknownKeys returns keys that nothing in the chart reads, such as typos. A map accepts
// any key if its default is empty or null and no schema lists its keys, or if
// additionalProperties allows it.
func (p *Prepared) unknownKeys() strictyaml.Problems {
	var problems strictyaml.Problems
	root := newScope(p.chart, p.defaults)
	for _, l := range p.layers[1:] {
		if l.root != nil {
			problems = append(problems, unknownIn(l.name, l.root, root)...)
		}
	}
	return problems
}

func newScope(c *helmchart.Chart, values any) scope {
	return scope{defaults: values, schemas: parseSchema(c.Schema), chart: c}
}

func unknownIn(file string, n *yaml.Node, s scope) strictyaml.Problems {
	if s.isFreeForm() {
		return nil
	}
	var problems strictyaml.Problems
	for _, pair := range pairs(n) {
		inner, known := s.child(pair.key.Value)
		switch {
		case s.chart != nil && isReservedKey(s.chart, pair.key.Value):
		case !known:
			problems = append(problems, strictyaml.UnknownKey(file, pair.key, s.keys()))
		case pair.value.Kind == yaml.MappingNode:
			problems = append(problems, unknownIn(file, pair.value, inner)...)
		}
	}
	return problems
}

// isReservedKey reports whether Helm itself reads the top-level key.
func isReservedKey(c *helmchart.Chart, key string) bool {
	return key == chartutil.GlobalKey || key == "tags" && len(c.Metadata.Dependencies) > 0
}

func (s scope) isFreeForm() bool {
	listed := false
	for _, schema := range s.schemas {
		if schema.takesAnyKey() {
			return true
		}
		listed = listed || len(schema.properties()) > 0 || schema.isClosed()
	}
	known, _ := s.defaults.(map[string]any) // a map in place of a scalar is reported as a conflict
	return !listed && len(known) == 0
}

func (s scope) child(key string) (scope, bool) {
	var inner scope
	known, _ := s.defaults.(map[string]any)
	value, found := known[key]
	inner.defaults = value
	for _, schema := range s.schemas {
		inner.schemas = append(inner.schemas, schema.child(key)...)
	}
	if s.chart != nil {
		for _, sub := range s.chart.Dependencies() {
			if slices.Contains(subchartNames(s.chart, sub), key) {
				inner.chart = sub
				inner.schemas = append(inner.schemas, parseSchema(sub.Schema)...)
			}
		}
	}
	return inner, found || len(inner.schemas) > 0
}

func (s scope) keys() []string {
	known, _ := s.defaults.(map[string]any)
	keys := slices.Collect(maps.Keys(known))
	for _, schema := range s.schemas {
		keys = slices.AppendSeq(keys, maps.Keys(schema.properties()))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
