package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// undefinedFlag is the start of package flag's error for an unknown flag.
const undefinedFlag = "flag provided but not defined: -"

// usageError returns err as a usage error with a hint. For an unknown flag, the
// hint suggests the nearest one.
func usageError(c *cli.Context, err error, _ bool) error {
	hint := fmt.Sprintf("run %q for usage", helpFor(c))
	if name, ok := strings.CutPrefix(err.Error(), undefinedFlag); ok {
		flag := "--" + name
		if len(name) == 1 {
			flag = "-" + name
		}
		err = fmt.Errorf("unknown flag %s", flag)
		hint = strictyaml.DidYouMean(flag, flagNames(c), hint)
	}
	return fault.New(fault.Usage, err, hint)
}

func helpFor(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == c.App.Name {
		return "tkdeploy --help"
	}
	return "tkdeploy " + c.Command.Name + " --help"
}

func flagNames(c *cli.Context) []string {
	names := []string{"--help"}
	for _, f := range c.Command.Flags {
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, "--"+name)
			}
		}
	}
	return names
}
