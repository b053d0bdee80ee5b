package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// args replaces variables in the build arguments of an image. As with docker, an argument
// without a value gets the variable of its name, or leaves the default of the Dockerfile.
func (k *checker) args(name string, args map[string]string) {
	for arg, value := range args {
		where := []string{"images", name, "build", "args", arg}
		if isNull(valueAt(k.root, where...)) {
			if value, set := os.LookupEnv(arg); set {
				args[arg] = value
			} else {
				delete(args, arg)
			}
			continue
		}
		expanded, err := expand(value)
		if err != nil {
			k.report(fmt.Sprintf("args.%s: %v", arg, err), where...)
		}
		args[arg] = expanded
	}
}

var variable = regexp.MustCompile(`\$\$|\$\{[^}]*\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-default} from the environment, and $$ by $. Any
// other text stays as it is.
func expand(text string) (string, error) {
	var problem error
	expanded := variable.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		expression, closed := strings.CutSuffix(match[2:], "}")
		name, fallback, hasFallback := strings.Cut(expression, ":-")
		value, set := os.LookupEnv(name)
		switch {
		case !closed || !variableName.MatchString(name):
			problem = fmt.Errorf("%q is not a variable: write ${NAME} or ${NAME:-default}, or $$ for a dollar sign", match)
		case hasFallback && value == "":
			return fallback
		case !set:
			problem = fmt.Errorf("variable %s is not set: set it, or write ${%s:-default}", name, name)
		}
		return value
	})
	return expanded, problem
}

// valueAt returns the value of the key at path, or nil.
func valueAt(root *yaml.Node, path ...string) *yaml.Node {
	for root != nil && root.Kind == yaml.AliasNode {
		root = root.Alias
	}
	if root == nil || len(path) == 0 {
		return root
	}
	for i := 0; i+1 < len(root.Content) && root.Kind == yaml.MappingNode; i += 2 {
		if root.Content[i].Value == path[0] {
			return valueAt(root.Content[i+1], path[1:]...)
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool { return n != nil && n.Tag == "!!null" }
