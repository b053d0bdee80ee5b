package values

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// conflicts returns where l replaces a map that has entries with a scalar or list. Helm
// would log a warning with the values and drop one of them. It accepts a map in place of
// a scalar, and charts offer both forms: image: nginx, or image: {repository: nginx}.
func conflicts(merged map[string]any, below []layer, l layer) strictyaml.Problems {
	var problems strictyaml.Problems
	var walk func(old map[string]any, n *yaml.Node, path []string)
	walk = func(old map[string]any, n *yaml.Node, path []string) {
		for _, pair := range pairs(n) {
			here := append(path[:len(path):len(path)], pair.key.Value)
			replaced, ok := old[pair.key.Value].(map[string]any)
			switch {
			case !ok || len(replaced) == 0 || pair.value.ShortTag() == "!!null":
			case pair.value.Kind == yaml.MappingNode:
				walk(replaced, pair.value, here)
			default:
				text := fmt.Sprintf("%s is %s here and a map %s", strings.Join(here, "."), strictyaml.KindOf(pair.value), origin(below, here))
				problems = append(problems, strictyaml.At(l.name, pair.value, text))
			}
		}
	}
	walk(merged, l.root, nil)
	return problems
}

// boolKey matches plain scalars that YAML 1.1 changes to true or false. Helm reads values
// with YAML 1.1, so the key n becomes "false".
var boolKey = regexp.MustCompile(`^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|True|TRUE|False|FALSE)$`)

func boolKeys(file string, n *yaml.Node) strictyaml.Problems {
	var problems strictyaml.Problems
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Style == 0 && boolKey.MatchString(key.Value) {
				problem := strictyaml.At(file, key, fmt.Sprintf("key %s is read as true or false (YAML 1.1)", key.Value))
				problem.Hint = fmt.Sprintf("quote it: %q", key.Value)
				problems = append(problems, problem)
			}
		}
	}
	for _, child := range n.Content { // not the targets of aliases: each node once
		problems = append(problems, boolKeys(file, child)...)
	}
	return problems
}
