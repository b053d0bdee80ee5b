package values

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// anchorPrefix marks top-level keys that only hold anchors, as in Compose files.
const anchorPrefix = "x-"

// scope is what is known about one map of the values.
type scope struct {
	defaults any
	schemas  []schemaNode
	reads    []*reads         // what the templates of the chart and its parents read
	chart    *helmchart.Chart // nil unless its values start here
	comments map[string]bool  // keys that the chart's values.yaml has as comments
}

type keyCheck struct {
	rules     Rules
	templates *templates
	file      string
	found     Findings
}

// unknownKeys finds keys that nothing in the chart reads, such as typos. Known are the
// keys of the chart's values, of its schema, those that a template reads, and those that
// values.yaml has as a comment.
func (v *Values) unknownKeys(rules Rules) Findings {
	k := &keyCheck{rules: rules, templates: &templates{root: v.chart}}
	root := k.newScope(v.chart, v.defaults, nil)
	for _, l := range v.layers[1:] {
		if l.root != nil {
			k.templates.scanValues(l.root)
		}
	}
	for _, l := range v.layers[1:] {
		if l.root != nil {
			k.file = l.name
			k.check(l.root, root, nil)
		}
	}
	return k.found
}

func (k *keyCheck) newScope(c *helmchart.Chart, defaults any, schemas []schemaNode) scope {
	return scope{
		defaults: defaults, schemas: append(schemas, parseSchema(c)...), chart: c,
		reads: []*reads{k.templates.readsOf(c)}, comments: commentedKeys(rawFile(c, chartutil.ValuesfileName)),
	}
}

func (k *keyCheck) check(n *yaml.Node, s scope, path []string) {
	if s.takesAnyKey() || slices.Contains(k.rules.Open, strings.Join(path, ".")) {
		return
	}
	for _, pair := range pairs(n) {
		key := pair.key.Value
		inner, known := k.child(s, key)
		switch {
		case s.chart != nil && isReservedKey(s.chart, key):
		case len(path) == 0 && strings.HasPrefix(key, anchorPrefix):
		case !known && !s.comments[key]:
			k.report(pair.key, s)
		case pair.value.Kind == yaml.MappingNode:
			k.check(pair.value, inner, append(path[:len(path):len(path)], key))
		}
	}
}

func (k *keyCheck) report(key *yaml.Node, s scope) {
	problem := strictyaml.UnknownKey(k.file, key, s.keys())
	isTypo := strictyaml.Nearest(key.Value, s.keys()) != ""
	isError := isTypo
	if k.rules.Strict != nil {
		isError = *k.rules.Strict
	}
	if isError || s.isClosed() {
		k.found.Problems = append(k.found.Problems, problem)
		return
	}
	if !isTypo {
		problem.Message = fmt.Sprintf("nothing in the chart reads the key %q", key.Value)
	}
	k.found.Warnings = append(k.found.Warnings, problem)
}

// isReservedKey reports whether Helm itself reads the top-level key.
func isReservedKey(c *helmchart.Chart, key string) bool {
	return key == chartutil.GlobalKey || key == "tags" && len(c.Metadata.Dependencies) > 0
}

// takesAnyKey reports whether a schema allows any key, a template reads the whole map, or
// nothing lists the keys.
func (s scope) takesAnyKey() bool {
	listed := false
	for _, schema := range s.schemas {
		if schema.takesAnyKey() {
			return true
		}
		listed = listed || len(schema.properties()) > 0 || schema.isClosed()
	}
	if s.isClosed() {
		return false
	}
	for _, r := range s.reads {
		if r.whole {
			return true
		}
		listed = listed || len(r.keys) > 0 || r.each != nil
	}
	known, _ := s.defaults.(map[string]any)
	return !listed && len(known) == 0
}

func (s scope) isClosed() bool { return slices.ContainsFunc(s.schemas, schemaNode.isClosed) }

func (k *keyCheck) child(s scope, key string) (scope, bool) {
	inner := scope{comments: s.comments}
	known, _ := s.defaults.(map[string]any)
	value, found := known[key]
	inner.defaults = value
	for _, schema := range s.schemas {
		inner.schemas = append(inner.schemas, schema.child(key)...)
	}
	inner.reads = readsBelow(s.reads, key)
	if s.chart == nil {
		return inner, found || len(inner.schemas)+len(inner.reads) > 0
	}
	for _, sub := range s.chart.Dependencies() {
		if slices.Contains(subchartNames(s.chart, sub), key) {
			of := k.newScope(sub, inner.defaults, inner.schemas)
			of.reads = append(of.reads, inner.reads...)
			return of, true
		}
	}
	return inner, found || len(inner.schemas)+len(inner.reads) > 0
}

// keys returns the known keys, without those of comments: any word may be one.
func (s scope) keys() []string {
	known, _ := s.defaults.(map[string]any)
	keys := slices.Collect(maps.Keys(known))
	for _, schema := range s.schemas {
		keys = slices.AppendSeq(keys, maps.Keys(schema.properties()))
	}
	for _, r := range s.reads {
		keys = slices.AppendSeq(keys, maps.Keys(r.keys))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
