package values

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	helmchart "helm.sh/helm/v3/pkg/chart"
)

const (
	// schemaRoot is the URL of the chart for its schemas.
	schemaRoot = "file:///"
	// skippedRef replaces $ref of a reference that is skipped.
	skippedRef = "x-skipped-ref"
	// standardSchemas are known without the network.
	standardSchemas = "json-schema.org"
)

// schemaFiles are the schema of a chart and the chart's files that it refers to. A
// reference to any other document, which Helm would fetch, is skipped: it accepts
// everything.
type schemaFiles struct {
	chart   *helmchart.Chart
	loaded  map[string]any
	skipped []skippedReference
}

type skippedReference struct{ file, ref string }

func newSchemaFiles(c *helmchart.Chart) *schemaFiles {
	return &schemaFiles{chart: c, loaded: map[string]any{}}
}

func (s *schemaFiles) compile() (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(s)
	return compiler.Compile(schemaRoot + schemaFile)
}

// Load implements [jsonschema.URLLoader].
func (s *schemaFiles) Load(url string) (any, error) {
	name, ok := strings.CutPrefix(url, schemaRoot)
	if !ok {
		return nil, fmt.Errorf("%s is not a file of the chart", url)
	}
	return s.load(name)
}

func (s *schemaFiles) load(name string) (any, error) {
	if document, ok := s.loaded[name]; ok {
		return document, nil
	}
	data := rawFile(s.chart, name)
	if data == nil {
		return nil, fmt.Errorf("%s is not a file of the chart", name)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	s.localize(document, schemaDocument{file: name, ids: map[string]bool{}})
	s.loaded[name] = document
	return document, nil
}

// schemaDocument is what a reference may refer to without another document.
type schemaDocument struct {
	file string
	id   string          // $id of the document
	ids  map[string]bool // $id of its parts
}

// localize makes all references relative to the chart: "$id" would make them relative to
// a URL.
func (s *schemaFiles) localize(document any, d schemaDocument) {
	root, ok := document.(map[string]any)
	if !ok {
		return
	}
	if id, ok := root["$id"].(string); ok {
		d.id = strings.TrimSuffix(id, "#")
		delete(root, "$id")
	}
	each(root, false, func(m map[string]any, _ bool) {
		if id, ok := m["$id"].(string); ok {
			d.ids[id] = true
		}
	})
	each(root, false, func(m map[string]any, inPart bool) { s.localizeRef(m, inPart, d) })
}

// localizeRef leaves references inside a part with an $id of its own alone.
func (s *schemaFiles) localizeRef(m map[string]any, inPart bool, d schemaDocument) {
	if dialect, ok := m["$schema"].(string); ok && !strings.Contains(dialect, standardSchemas) {
		delete(m, "$schema")
	}
	ref, ok := m["$ref"].(string)
	if !ok || inPart && strings.HasPrefix(ref, "#") {
		return
	}
	if local, ok := d.resolve(ref); ok {
		m["$ref"] = local
		return
	}
	s.skipped = append(s.skipped, skippedReference{d.file, ref})
	delete(m, "$ref")
	m[skippedRef] = ref
}

// resolve returns ref relative to the chart, and whether the chart may have its target.
func (d schemaDocument) resolve(ref string) (string, bool) {
	target, fragment, _ := strings.Cut(ref, "#")
	switch u, err := url.Parse(target); {
	case target == "" || target == d.id:
		return schemaRoot + d.file + "#" + fragment, true
	case d.ids[target] || err == nil && u.Host == standardSchemas:
		return ref, true
	case err != nil || u.Scheme != "" || u.Host != "":
		return "", false
	}
	return schemaRoot + strings.TrimPrefix(path.Join("/", path.Dir(d.file), target), "/") + "#" + fragment, true
}

// each calls f for every map in a JSON document, with whether a part with an $id, which
// references are relative to, contains it.
func each(node any, inPart bool, f func(m map[string]any, inPart bool)) {
	switch node := node.(type) {
	case map[string]any:
		id, _ := node["$id"].(string)
		inPart = inPart || id != "" && !strings.HasPrefix(id, "#")
		f(node, inPart)
		for _, inner := range node {
			each(inner, inPart, f)
		}
	case []any:
		for _, inner := range node {
			each(inner, inPart, f)
		}
	}
}
