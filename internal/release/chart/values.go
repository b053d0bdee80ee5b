package chart

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

func defaults(c *helmchart.Chart) map[string]any {
	tree := map[string]any{}
	for _, sub := range c.Dependencies() {
		for _, name := range subchartNames(c, sub) {
			tree[name] = defaults(sub)
		}
	}
	for _, dep := range c.Metadata.Dependencies {
		for condition := range strings.SplitSeq(dep.Condition, ",") {
			if condition = strings.TrimSpace(condition); condition != "" {
				setDefault(tree, strings.Split(condition, "."), true)
			}
		}
	}
	overlay(tree, runtime.DeepCopyJSON(c.Values))
	return tree
}

func setDefault(tree map[string]any, path []string, value any) {
	for ; len(path) > 1; path = path[1:] {
		next, ok := tree[path[0]].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[path[0]] = next
		}
		tree = next
	}
	if _, ok := tree[path[0]]; !ok {
		tree[path[0]] = value
	}
}

// overlay merges over into base. A null stays: Helm reads it as "remove the default".
func overlay(base, over map[string]any) {
	for key, value := range over {
		below, isMap := base[key].(map[string]any)
		if above, ok := value.(map[string]any); ok && isMap {
			overlay(below, above)
			continue
		}
		if above, ok := value.(map[string]any); ok {
			value = runtime.DeepCopyJSON(above)
		}
		base[key] = value
	}
}

// Lookup returns the value at path, or nil.
func Lookup(values any, path []string) any {
	for _, key := range path {
		m, ok := values.(map[string]any)
		if !ok {
			return nil
		}
		values = m[key]
	}
	return values
}

// conflicts returns where l replaces a map with a scalar or list, or the reverse. Helm
// would log a warning with the values and drop one of them.
func conflicts(merged map[string]any, below []layer, l layer) strictyaml.Problems {
	var problems strictyaml.Problems
	var walk func(old map[string]any, n *yaml.Node, path []string)
	walk = func(old map[string]any, n *yaml.Node, path []string) {
		for _, pair := range pairs(n) {
			here := append(path[:len(path):len(path)], pair.key.Value)
			value := old[pair.key.Value]
			oldMap, oldIsMap := value.(map[string]any)
			isMap := pair.value.Kind == yaml.MappingNode
			switch {
			case value == nil || pair.value.ShortTag() == "!!null":
			case isMap && oldIsMap:
				walk(oldMap, pair.value, here)
			case isMap != oldIsMap:
				text := fmt.Sprintf("%s is %s here and %s %s",
					strings.Join(here, "."), strictyaml.KindOf(pair.value), kindOf(value), origin(below, here))
				problems = append(problems, strictyaml.At(l.name, pair.value, text))
			}
		}
	}
	walk(merged, l.root, nil)
	return problems
}

func kindOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case bool:
		return "true or false"
	case string:
		return "a string"
	}
	return "a number"
}
