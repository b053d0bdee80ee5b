// Package cli implements the tkdeploy command line: one file per command, their
// output, and the exit codes. It is the only package that imports urfave/cli.
package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Main runs the command line and returns the exit code. It prints errors and their
// hints to streams.Err.
func Main(ctx context.Context, args []string, streams Streams) int {
	streams = streams.visible()
	err := newApp(streams).RunContext(ctx, args)
	if err != nil {
		fmt.Fprint(streams.Err, explain(ctx, err))
	}
	return exitCode(ctx, err)
}

// commands returns all commands in help order.
func commands(streams Streams) []command {
	return []command{
		upCommand(streams), downCommand(streams), statusCommand(streams), verifyCommand(streams),
		rollbackCommand(streams), historyCommand(streams), pruneCommand(streams), doctorCommand(streams),
		kubeconfigCommand(streams), completionCommand(streams), versionCommand(streams), helpCommand(streams), probeCommand(streams), kindCommand(),
	}
}

func newApp(streams Streams) *cli.App {
	all := commands(streams)
	app := &cli.App{
		Name:  "tkdeploy",
		Usage: appSummary,

		CustomAppHelpTemplate: literalTemplate(appHelp(all)),
		HideHelpCommand:       true, // replaced by helpCommand
		Flags:                 []cli.Flag{cli.HelpFlag},
		HideVersion:           true, // replaced by versionCommand

		Reader: streams.In, Writer: streams.Out, ErrWriter: streams.Err,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true,                         // --set a={b,c} is one value
		ExitErrHandler:            func(*cli.Context, error) {}, // the default handler exits the process
		OnUsageError:              usageError,
		Action:                    rootAction,
	}
	for _, c := range all {
		app.Commands = append(app.Commands, c.cli())
	}
	return app
}

// rootAction handles a missing or unknown command.
func rootAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	return unknownCommand(c.App, c.Args().First())
}

func unknownCommand(app *cli.App, name string) error {
	var known []string
	for _, command := range app.VisibleCommands() {
		known = append(known, command.Name)
	}
	err := fmt.Errorf("unknown command %q", name)
	return fault.New(fault.Usage, err, strictyaml.DidYouMean(name, known, "the commands are: "+strings.Join(known, ", ")))
}
