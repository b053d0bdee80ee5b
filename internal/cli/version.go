package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/buildinfo"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

// versions is the JSON form of version. docs/events.md documents it.
type versions struct {
	buildinfo.Info
	Libraries []buildinfo.Library `json:"libraries"`
	Nodes     []string            `json:"nodes"`
}

func versionCommand(streams Streams) command {
	return command{
		name:    "version",
		summary: "Print the version",
		details: "With --output json, also the date of the commit, the versions of the main libraries, and the platforms\n" +
			"of nodes that this build has the smoke test's program for.",
		examples: []example{{"tkdeploy version --output json", ""}},
		flags:    []cli.Flag{outputFlag()},
		run: func(c *cli.Context) error {
			asJSON, err := wantsJSON(c)
			if err != nil {
				return err
			}
			info := buildinfo.Read()
			if asJSON {
				return json.NewEncoder(streams.Out).Encode(versions{info, buildinfo.Libraries(), program.Embedded()})
			}
			parts := []string{"tkdeploy", info.Version, info.Commit, info.Go, info.Platform}
			known := slices.DeleteFunc(parts, func(s string) bool { return s == "" })
			_, err = fmt.Fprintln(streams.Out, strings.Join(known, " "))
			return err
		},
	}
}
