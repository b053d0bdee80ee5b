package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// exitCodesTopic is the argument of `tkdeploy help` for the exit codes.
const exitCodesTopic = "exit-codes"

func helpCommand(streams Streams) command {
	return command{
		name:    "help",
		args:    "[COMMAND]",
		summary: "Show help for tkdeploy or for a command",
		examples: []example{
			{"tkdeploy help up", ""},
			{"tkdeploy help " + exitCodesTopic, "list the exit codes"},
		},
		run: func(c *cli.Context) error {
			switch name := c.Args().First(); {
			case c.NArg() > 1:
				return usageError(c, fmt.Errorf("help accepts one command, got %q", c.Args().Slice()), true)
			case name == "":
				_, err := fmt.Fprint(streams.Out, appHelp(commands(streams)))
				return err
			case name == exitCodesTopic:
				_, err := fmt.Fprint(streams.Out, exitCodesHelp())
				return err
			default:
				return showCommandHelp(c, streams, name)
			}
		},
	}
}

func showCommandHelp(c *cli.Context, streams Streams, name string) error {
	for _, known := range commands(streams) {
		if known.name == name {
			_, err := fmt.Fprint(streams.Out, known.help())
			return err
		}
	}
	return unknownCommand(c.App, name)
}
