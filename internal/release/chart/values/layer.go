package values

import (
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

type layer struct {
	name   string
	root   *yaml.Node // nil if empty
	values map[string]any
}

func origin(layers []layer, path []string) string {
	l, key, _, depth := find(layers, path)
	switch {
	case depth < len(path):
		return "in the chart's defaults"
	case key.Line == 0:
		return "in " + l.name
	}
	return fmt.Sprintf("in %s:%d", l.name, key.Line)
}

// find returns the node at path, or the nearest one above it that a layer has; upper
// layers win. depth is the number of path elements found, -1 if all layers are empty.
func find(layers []layer, path []string) (l layer, key, value *yaml.Node, depth int) {
	depth = -1
	for _, candidate := range slices.Backward(layers) {
		if candidate.root == nil {
			continue
		}
		if k, v, d := descend(candidate.root, path); d > depth {
			l, key, value, depth = candidate, k, v, d
		}
	}
	return l, key, value, depth
}

func descend(n *yaml.Node, path []string) (key, value *yaml.Node, depth int) {
	key, value = n, n
	for depth < len(path) {
		k, v := child(value, path[depth])
		if v == nil {
			break
		}
		key, value = k, v
		depth++
	}
	return key, value, depth
}

func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], dealias(n.Content[i])
		}
		return nil, nil
	}
	for _, pair := range pairs(n) {
		if pair.key.Value == name {
			return pair.key, pair.value
		}
	}
	return nil, nil
}

type pair struct{ key, value *yaml.Node }

// pairs returns the entries of a map node, those of a merge key (<<) last.
func pairs(n *yaml.Node) []pair {
	if n = dealias(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var own, merged []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := dealias(n.Content[i]), dealias(n.Content[i+1])
		switch {
		case key.ShortTag() != "!!merge":
			own = append(own, pair{key, value})
		case value.Kind == yaml.SequenceNode:
			for _, each := range value.Content {
				merged = append(merged, pairs(each)...)
			}
		default:
			merged = append(merged, pairs(value)...)
		}
	}
	return append(own, merged...)
}

func dealias(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
