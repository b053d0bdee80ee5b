package cli

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/buildinfo"
)

func versionCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		Description: "Example:\n   tkdeploy version --output json",
		Flags:       []cli.Flag{outputFlag()},
		Action: func(c *cli.Context) error {
			asJSON, err := wantsJSON(c)
			if err != nil {
				return err
			}
			info := buildinfo.Read()
			if asJSON {
				return json.NewEncoder(streams.Out).Encode(info)
			}
			_, err = fmt.Fprintf(streams.Out, "tkdeploy %s %s %s %s\n", info.Version, info.Commit, info.Go, info.Platform)
			return err
		},
	}
}
