package strictyaml

import (
	"encoding"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

type fields struct {
	byName map[string]reflect.Type
	rest   reflect.Type // of an inline map, which accepts all other keys
}

// fieldsOf follows the rules of the yaml library for tags.
func fieldsOf(t reflect.Type) fields {
	found := fields{byName: map[string]reflect.Type{}}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported() && !field.Anonymous, name == "-":
		case strings.Contains(options, "inline"):
			found.inline(field.Type)
		case name == "":
			found.byName[strings.ToLower(field.Name)] = field.Type
		default:
			found.byName[name] = field.Type
		}
	}
	return found
}

func (f *fields) inline(t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		f.rest = t.Elem()
		return
	}
	inner := fieldsOf(t)
	for name, typ := range inner.byName {
		f.byName[name] = typ
	}
	if inner.rest != nil {
		f.rest = inner.rest
	}
}

func hasUnmarshalYAML(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[yaml.Unmarshaler]()) && t.Kind() == reflect.Pointer ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]())
}

func hasUnmarshalText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
		return hasUnmarshalText(t)
	}
	return true
}

func isWhole(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

func expected(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s or 5m"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uintptr:
		return "a non-negative whole number"
	case isWhole(t):
		return "a whole number"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a string"
}

var typeError = regexp.MustCompile(`(?s)^cannot unmarshal (!!\w+) .*into (\S+)$`)

// libraryProblem removes the value from "line 5: cannot unmarshal !!str `abc`
// into int".
func (c *checker) libraryProblem(n *yaml.Node, message string) Problem {
	match := libraryError.FindStringSubmatch(message)
	p := At(c.file, n, match[2])
	if line, err := strconv.Atoi(match[1]); err == nil && line != n.Line {
		p.Line, p.Column = line, 1
	}
	if parts := typeError.FindStringSubmatch(match[2]); parts != nil {
		p.Message = "cannot use " + KindOf(&yaml.Node{Kind: yaml.ScalarNode, Tag: parts[1]}) + " as " + parts[2]
	}
	return p
}
