package config

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/golden"
)

var update = flag.Bool("update", false, "update docs/config.md and testdata")

const (
	referencePage = "../../docs/config.md"
	exampleFile   = "testdata/example.yaml"
)

// TestReference checks that docs/config.md lists the keys and comments of
// config.go. Run it with -update to write the page.
func TestReference(t *testing.T) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, referencePage, referencePageText(t, string(example)), *update)
}

func TestReference_example(t *testing.T) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, string(example)))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Deprecations) > 0 {
		t.Errorf("got deprecated keys in the example: %v", c.Deprecations)
	}
	for _, s := range sections {
		for _, field := range reflect.VisibleFields(s.typ) {
			key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if key != "" && key != "-" && key != "offline" && !strings.Contains(string(example), key+":") {
				t.Errorf("got no example of the key %s in %s", key, s.heading)
			}
		}
	}
}

var sections = []struct {
	heading string
	typ     reflect.Type
}{
	{"Top level", reflect.TypeFor[Config]()},
	{"images.NAME", reflect.TypeFor[Image]()},
	{"images.NAME.build", reflect.TypeFor[Build]()},
	{"images.NAME.build.secrets.ID", reflect.TypeFor[Secret]()},
	{"bases.ARGUMENT", reflect.TypeFor[Source]()},
	{"pull", reflect.TypeFor[Pull]()},
	{"chart", reflect.TypeFor[Chart]()},
	{"environments.NAME", reflect.TypeFor[Environment]()},
	{"environments.NAME.rollout", reflect.TypeFor[Rollout]()},
	{"environments.NAME.cluster", reflect.TypeFor[Cluster]()},
	{"environments.NAME.cluster.kind", reflect.TypeFor[Kind]()},
	{"environments.NAME.verify", reflect.TypeFor[EnvironmentVerify]()},
	{"verify", reflect.TypeFor[Verify]()},
	{"verify.checks[]", reflect.TypeFor[Check]()},
}

const intro = `# tkdeploy.yaml

tkdeploy.yaml describes your app and its environments. tkdeploy searches for it in the current directory and the
directories above; ` + "`--config FILE`" + ` names another one. Paths in it are relative to the file.

tkdeploy reports unknown keys, duplicate keys and wrong types with file, line and column before it changes anything.
Anchors, aliases and merge keys (` + "`<<`" + `) are allowed.

This page is generated from ` + "`internal/config/config.go`" + `.

## Example

`

func referencePageText(t *testing.T, example string) string {
	t.Helper()
	comments := parseComments(t)
	var b strings.Builder
	b.WriteString(intro + "```yaml\n" + example + "```\n")
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | type | default | description |\n|---|---|---|---|\n", s.heading, comments[s.typ.Name()])
		for _, field := range reflect.VisibleFields(s.typ) {
			key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if key == "" || key == "-" {
				continue
			}
			owner := s.typ
			inline := len(field.Index) > 1
			if inline {
				owner = s.typ.FieldByIndex(field.Index[:1]).Type
			}
			description, value := splitDefault(comments[owner.Name()+"."+field.Name])
			if inline && value == "required" {
				value = "required without build"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key, typeName(field.Type), value, description)
		}
	}
	return b.String()
}

// splitDefault splits "Text. Default: value."
func splitDefault(comment string) (description, value string) {
	if text, value, found := strings.Cut(comment, " Default: "); found {
		return text, strings.TrimSuffix(value, ".")
	}
	for suffix, value := range map[string]string{
		" Required.": "required", " At least one is required.": "required", " Required with build.": "required with build",
	} {
		if text, found := strings.CutSuffix(comment, suffix); found {
			return text, value
		}
	}
	return comment, ""
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Port]():
		return "port"
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "list of " + typeName(t.Elem()) + "s"
	case t.Kind() == reflect.Map:
		return "map of " + typeName(t.Elem()) + "s"
	case t.Kind() == reflect.Struct:
		return strings.ToLower(cmp.Or(strings.TrimPrefix(t.Name(), "Environment"), t.Name()))
	case t.Kind() == reflect.Int:
		return "integer"
	}
	return t.Kind().String()
}

// parseComments returns the comments of types ("Image") and fields
// ("Image.Values").
func parseComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		spec := gen.Specs[0].(*ast.TypeSpec)
		comments[spec.Name.Name] = sentence(spec.Name.Name, gen.Doc.Text())
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range field.Names {
				comments[spec.Name.Name+"."+name.Name] = strings.TrimSpace(field.Comment.Text())
			}
		}
	}
	return comments
}

// sentence turns "Image is an image. …" into "An image. …".
func sentence(name, doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	for _, verb := range []string{" is ", " describes ", " selects ", " adjusts ", " limits ", " sets "} {
		if text, found := strings.CutPrefix(doc, name+verb); found {
			if verb != " is " {
				text = strings.TrimSpace(verb) + " " + text
			}
			return strings.ToUpper(text[:1]) + text[1:]
		}
	}
	return doc
}
