package strictyaml

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxNodes limits the size of a file after expanding aliases. Otherwise a few
// lines of nested aliases would take forever.
const maxNodes = 100_000

// Decode decodes data into the struct, map or slice that into points to, using
// yaml tags. It reports every unknown key, duplicate key and value of a wrong
// type. If there are any problems, it does not change into. A null does not
// change its field.
//
// Decode may call the UnmarshalYAML(*yaml.Node) method of a type twice. Such a
// method can use [DecodeNode] to stay strict.
func Decode(file string, data []byte, into any) Problems {
	root, problems := Parse(file, data)
	if root == nil {
		return problems
	}
	return append(problems, decodeNode(file, root, into, len(problems) == 0)...).Sorted()
}

// DecodeNode is like [Decode], for use in UnmarshalYAML methods. It returns nil
// or [Problems] without a file name.
func DecodeNode(n *yaml.Node, into any) error {
	return decodeNode("", n, into, true).Err()
}

func decodeNode(file string, n *yaml.Node, into any, fill bool) (problems Problems) {
	defer func() {
		if r := recover(); r != nil {
			problems = Problems{At(file, n, fmt.Sprintf("invalid YAML: %v", r))}
		}
	}()
	c := &checker{file: file, open: map[*yaml.Node]bool{}}
	c.check(n, reflect.TypeOf(into))
	if len(c.problems) > 0 || !fill {
		return c.problems.Sorted()
	}
	scratch := reflect.New(reflect.TypeOf(into).Elem())
	scratch.Elem().Set(reflect.ValueOf(into).Elem())
	if err := n.Decode(scratch.Interface()); err != nil {
		return c.fromError(n, err)
	}
	reflect.ValueOf(into).Elem().Set(scratch.Elem())
	return nil
}

type checker struct {
	file     string
	problems Problems
	nodes    int
	open     map[*yaml.Node]bool // aliases being followed
}

func (c *checker) report(n *yaml.Node, format string, args ...any) {
	c.problems = append(c.problems, At(c.file, n, fmt.Sprintf(format, args...)))
}

func (c *checker) check(n *yaml.Node, t reflect.Type) {
	if c.nodes++; c.nodes > maxNodes {
		if c.nodes == maxNodes+1 {
			c.report(n, "too large: more than %d values after expanding aliases", maxNodes)
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		c.followAlias(n, t)
		return
	}
	if n.ShortTag() == "!!null" {
		return
	}
	if hasUnmarshalYAML(t) {
		c.custom(n, t)
		return
	}
	switch {
	case t.Kind() == reflect.Pointer:
		c.check(n, t.Elem())
	case t.Kind() == reflect.Interface:
	case isScalar(t):
		c.scalar(n, t)
	case t.Kind() == reflect.Struct:
		c.object(n, t)
	case t.Kind() == reflect.Map:
		c.mapping(n, t.Elem())
	default:
		c.list(n, t.Elem())
	}
}

func (c *checker) followAlias(n *yaml.Node, t reflect.Type) {
	if c.open[n.Alias] {
		c.report(n, "anchor %q contains itself", n.Value)
		return
	}
	c.open[n.Alias] = true
	c.check(n.Alias, t)
	delete(c.open, n.Alias)
}

func (c *checker) custom(n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	into := reflect.New(t).Interface().(yaml.Unmarshaler)
	c.problems = append(c.problems, c.fromError(n, into.UnmarshalYAML(n))...)
}

func (c *checker) object(n *yaml.Node, t reflect.Type) {
	if n.Kind != yaml.MappingNode {
		c.report(n, "want a map, got %s", KindOf(n))
		return
	}
	fields := fieldsOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, ok := scalarKey(key)
		field, known := fields.byName[name]
		switch {
		case !ok: // reported by Parse
		case isMerge(key):
			c.merge(value, t)
		case known:
			c.check(value, field)
		case fields.rest != nil:
			c.check(value, fields.rest)
		default:
			known := slices.Collect(maps.Keys(fields.byName))
			c.problems = append(c.problems, UnknownKey(c.file, key, known))
		}
	}
}

func (c *checker) mapping(n *yaml.Node, elem reflect.Type) {
	if n.Kind != yaml.MappingNode {
		c.report(n, "want a map, got %s", KindOf(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			c.merge(n.Content[i+1], reflect.MapOf(reflect.TypeFor[string](), elem))
			continue
		}
		c.check(n.Content[i+1], elem)
	}
}

func (c *checker) merge(n *yaml.Node, t reflect.Type) {
	if n.Kind != yaml.SequenceNode {
		c.check(n, t)
		return
	}
	for _, child := range n.Content {
		c.check(child, t)
	}
}

func (c *checker) list(n *yaml.Node, elem reflect.Type) {
	if n.Kind != yaml.SequenceNode {
		c.report(n, "want a list, got %s", KindOf(n))
		return
	}
	for _, child := range n.Content {
		c.check(child, elem)
	}
}

func (c *checker) scalar(n *yaml.Node, t reflect.Type) {
	if n.Kind != yaml.ScalarNode {
		c.report(n, "want %s, got %s", expected(t), KindOf(n))
		return
	}
	// The library truncates a fraction instead of returning an error.
	fraction := n.ShortTag() == "!!float" && isWhole(t)
	err := n.Decode(reflect.New(t).Interface())
	switch {
	case err != nil && hasUnmarshalText(t):
		c.report(n, "%v", err)
	case err != nil || fraction:
		c.report(n, "want %s, got %s", expected(t), KindOf(n))
	}
}

func (c *checker) fromError(n *yaml.Node, err error) Problems {
	if err == nil {
		return nil
	}
	if own := (Problems)(nil); errors.As(err, &own) {
		filled := slices.Clone(own)
		for i := range filled {
			filled[i].File = c.file
		}
		return filled
	}
	messages := []string{err.Error()}
	if several := (*yaml.TypeError)(nil); errors.As(err, &several) {
		messages = several.Errors
	}
	var problems Problems
	for _, m := range messages {
		problems = append(problems, c.libraryProblem(n, m))
	}
	return problems
}
