package cli

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// defaultTimeout is how long workloads may take to get ready; helm's is the same.
const defaultTimeout = 5 * time.Minute

func envFlag() cli.Flag {
	return &cli.StringFlag{Name: "env", Aliases: []string{"e"}, Value: "dev", EnvVars: []string{"TKDEPLOY_ENV"}, Usage: "the `ENVIRONMENT` of tkdeploy.yaml"}
}

func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Aliases: []string{"c"}, EnvVars: []string{"TKDEPLOY_CONFIG"}, Usage: "read `FILE` (default: tkdeploy.yaml here or in a folder above)"}
}

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORMAT` of the result on standard output: text or json"}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: defaultTimeout, Usage: "how long the workloads may take to get ready"}
}

// wantsJSON reads --output.
func wantsJSON(c *cli.Context) (bool, error) {
	switch format := c.String("output"); format {
	case "json":
		return true, nil
	case "text", "": // a command without the flag
		return false, nil
	default:
		return false, fault.New(fault.Usage, fmt.Errorf("--output %s: there is no such format", format), "use text or json")
	}
}
