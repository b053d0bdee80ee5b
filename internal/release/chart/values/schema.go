package values

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	helmchart "helm.sh/helm/v3/pkg/chart"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

const schemaFile = "values.schema.json"

func (v *Values) checkSchemas(c *helmchart.Chart, values map[string]any, at []string) Findings {
	var found Findings
	if len(c.Schema) > 0 {
		found = v.checkSchema(c, values, at)
	}
	for _, sub := range c.Dependencies() {
		if inner, ok := values[sub.Name()].(map[string]any); ok {
			more := v.checkSchemas(sub, inner, append(at[:len(at):len(at)], sub.Name()))
			found.Problems = append(found.Problems, more.Problems...)
			found.Warnings = append(found.Warnings, more.Warnings...)
		}
	}
	return found
}

func (v *Values) checkSchema(c *helmchart.Chart, values map[string]any, at []string) Findings {
	dir := filepath.Join(append([]string{v.dir}, subchartPath(at)...)...)
	files := newSchemaFiles(c)
	schema, err := files.compile()
	if err != nil {
		text := strings.ReplaceAll(err.Error(), schemaRoot, "")
		return Findings{Problems: strictyaml.Problems{{File: filepath.Join(dir, schemaFile), Message: "invalid schema: " + text}}}
	}
	var found Findings
	for _, s := range files.skipped {
		found.Warnings = append(found.Warnings, strictyaml.Problem{File: filepath.Join(dir, s.file), Message: "skipped the reference to " + s.ref + ": only files of the chart are read"})
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(values); errors.As(err, &invalid) {
		found.Problems = v.locate(invalid, at)
	}
	return found
}

func subchartPath(at []string) []string {
	var path []string
	for _, name := range at {
		path = append(path, "charts", name)
	}
	return path
}

func (v *Values) locate(invalid *jsonschema.ValidationError, at []string) strictyaml.Problems {
	if len(invalid.Causes) > 0 {
		var problems strictyaml.Problems
		for _, cause := range invalid.Causes {
			problems = append(problems, v.locate(cause, at)...)
		}
		return problems
	}
	path := slices.Concat(at, invalid.InstanceLocation)
	if extra, ok := invalid.ErrorKind.(*kind.AdditionalProperties); ok {
		var problems strictyaml.Problems
		for _, name := range extra.Properties {
			problems = append(problems, v.problemAt(append(slices.Clone(path), name), true, fmt.Sprintf("unknown key %q", name)))
		}
		return problems
	}
	return strictyaml.Problems{v.problemAt(path, false, strings.Join(path, ".")+": "+schemaMessage(invalid.ErrorKind))}
}

func (v *Values) problemAt(path []string, atKey bool, text string) strictyaml.Problem {
	l, key, value, depth := find(v.layers, path)
	switch {
	case depth < 0:
		return strictyaml.Problem{File: filepath.Join(v.dir, schemaFile), Message: text}
	case atKey:
		return strictyaml.At(l.name, key, text)
	}
	return strictyaml.At(l.name, value, text)
}

// schemaMessage omits the value, which may be secret.
func schemaMessage(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Pattern:
		return fmt.Sprintf("does not match the pattern %q", k.Want)
	case *kind.Format:
		return "is not a valid " + k.Want
	case *kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum, *kind.MultipleOf:
		text := k.LocalizedString(message.NewPrinter(language.English)) // "minimum: got 0, want 1"
		name, _, _ := strings.Cut(text, ":")
		return name + ": " + text[strings.LastIndex(text, "want"):]
	case *kind.Required:
		return "missing " + strings.Join(k.Missing, ", ")
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}
