package chart

import (
	"bytes"
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

// localOnly refuses other documents, which Helm would fetch over the network or read from
// any local file.
type localOnly struct{}

func (localOnly) Load(url string) (any, error) {
	return nil, fmt.Errorf("reference to %s: a schema may only refer to itself", url)
}

func (p *Prepared) schemaProblems(c *helmchart.Chart, values map[string]any) strictyaml.Problems {
	return p.checkSchemas(c, values, nil)
}

func (p *Prepared) checkSchemas(c *helmchart.Chart, values map[string]any, at []string) strictyaml.Problems {
	var problems strictyaml.Problems
	if len(c.Schema) > 0 {
		problems = p.checkSchema(c, values, at)
	}
	for _, sub := range c.Dependencies() {
		if inner, ok := values[sub.Name()].(map[string]any); ok {
			problems = append(problems, p.checkSchemas(sub, inner, append(at[:len(at):len(at)], sub.Name()))...)
		}
	}
	return problems
}

func (p *Prepared) checkSchema(c *helmchart.Chart, values map[string]any, at []string) strictyaml.Problems {
	file := filepath.Join(append([]string{p.desired.Chart}, append(subchartPath(at), schemaFile)...)...)
	schema, err := compileSchema(c.Schema)
	if err != nil {
		text := strings.ReplaceAll(err.Error(), "file:///"+schemaFile, schemaFile)
		return strictyaml.Problems{{File: file, Message: "invalid schema: " + text}}
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(values); errors.As(err, &invalid) {
		return p.locate(invalid, at)
	}
	return nil
}

func subchartPath(at []string) []string {
	var path []string
	for _, name := range at {
		path = append(path, "charts", name)
	}
	return path
}

func compileSchema(data []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(localOnly{})
	if err := compiler.AddResource("file:///"+schemaFile, document); err != nil {
		return nil, err
	}
	return compiler.Compile("file:///" + schemaFile)
}

func (p *Prepared) locate(invalid *jsonschema.ValidationError, at []string) strictyaml.Problems {
	if len(invalid.Causes) > 0 {
		var problems strictyaml.Problems
		for _, cause := range invalid.Causes {
			problems = append(problems, p.locate(cause, at)...)
		}
		return problems
	}
	path := slices.Concat(at, invalid.InstanceLocation)
	if extra, ok := invalid.ErrorKind.(*kind.AdditionalProperties); ok {
		var problems strictyaml.Problems
		for _, name := range extra.Properties {
			problems = append(problems, p.problemAt(append(slices.Clone(path), name), true, fmt.Sprintf("unknown key %q", name)))
		}
		return problems
	}
	return strictyaml.Problems{p.problemAt(path, false, strings.Join(path, ".")+": "+schemaMessage(invalid.ErrorKind))}
}

func (p *Prepared) problemAt(path []string, atKey bool, text string) strictyaml.Problem {
	l, key, value, depth := find(p.layers, path)
	switch {
	case depth < 0:
		return strictyaml.Problem{File: filepath.Join(p.desired.Chart, schemaFile), Message: text}
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
	case *kind.Required:
		return "missing " + strings.Join(k.Missing, ", ")
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}
