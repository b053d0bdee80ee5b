package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/buildinfo"
)

func versionCommand(streams Streams) command {
	return command{
		name:     "version",
		summary:  "Print the version",
		examples: []example{{"tkdeploy version --output json", ""}},
		flags:    []cli.Flag{outputFlag()},
		run: func(c *cli.Context) error {
			asJSON, err := wantsJSON(c)
			if err != nil {
				return err
			}
			info := buildinfo.Read()
			if asJSON {
				return json.NewEncoder(streams.Out).Encode(info)
			}
			parts := []string{"tkdeploy", info.Version, info.Commit, info.Go, info.Platform}
			known := slices.DeleteFunc(parts, func(s string) bool { return s == "" })
			_, err = fmt.Fprintln(streams.Out, strings.Join(known, " "))
			return err
		},
	}
}
