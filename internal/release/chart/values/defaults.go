package values

import (
	"slices"
	"strings"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/runtime"
)

// defaults returns the values of the chart and its subcharts, with those that the chart
// imports from them.
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
		name := dep.Name
		if dep.Alias != "" {
			name = dep.Alias
		}
		for _, each := range dep.ImportValues {
			addImport(tree, name, each)
		}
	}
	Overlay(tree, runtime.DeepCopyJSON(c.Values))
	return tree
}

// addImport copies values of a subchart to the parent, as processImportValues of Helm's
// chartutil does: a string names a map below the subchart's exports.
func addImport(tree map[string]any, subchart string, each any) {
	from, to := "", ""
	switch each := each.(type) {
	case string:
		from = "exports." + each
	case map[string]any:
		from, _ = each["child"].(string)
		to, _ = each["parent"].(string)
	}
	values, ok := Lookup(tree, strings.Split(subchart+"."+from, ".")).(map[string]any)
	if !ok {
		return
	}
	var imported any = runtime.DeepCopyJSON(values)
	if to != "" && to != "." {
		for _, key := range slices.Backward(strings.Split(to, ".")) {
			imported = map[string]any{key: imported}
		}
	}
	Overlay(tree, imported.(map[string]any))
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

// Overlay merges over into base. A null stays: Helm reads it as "remove the default".
func Overlay(base, over map[string]any) {
	for key, value := range over {
		below, isMap := base[key].(map[string]any)
		if above, ok := value.(map[string]any); ok && isMap {
			Overlay(below, above)
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

func subchartNames(c, sub *helmchart.Chart) []string {
	var aliases []string
	for _, dep := range c.Metadata.Dependencies {
		if dep.Name == sub.Name() && dep.Alias != "" {
			aliases = append(aliases, dep.Alias)
		} else if dep.Name == sub.Name() {
			aliases = append(aliases, dep.Name)
		}
	}
	if len(aliases) == 0 {
		return []string{sub.Name()}
	}
	return aliases
}
