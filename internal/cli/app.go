// Package app is tkdeploy's command line: one file a command, the composition
// of the stages, and the table of exit statuses. It is the only importer of
// urfave/cli, and the only place where the domain packages meet.
package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Main runs the command line and gives the exit status. An error is printed
// once, to streams.Err, with what to do next.
func Main(ctx context.Context, args []string, streams Streams) int {
	err := newApp(streams).RunContext(ctx, args)
	if err != nil {
		fmt.Fprint(streams.Err, explain(ctx, err))
	}
	return exitCode(ctx, err)
}

func newApp(streams Streams) *cli.App {
	a := &cli.App{
		Name:  "tkdeploy",
		Usage: "take a checkout of a microservice app to a running, checked deployment on kind, and back",
		Description: "tkdeploy up builds the images, creates a kind cluster, loads the images, installs the chart,\n" +
			"waits until all is ready and smoke-tests it from inside. A second up changes nothing.\n\n" +
			"EXIT STATUS\n" + exitStatusHelp(),
		Reader: streams.In, Writer: streams.Out, ErrWriter: streams.Err,
		Commands: []*cli.Command{
			upCommand(streams), downCommand(streams), statusCommand(streams), verifyCommand(streams),
			rollbackCommand(streams), historyCommand(streams), doctorCommand(streams),
			kubeconfigCommand(streams), completionCommand(streams), versionCommand(streams), probeCommand(streams),
		},
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true,                         // --set a={b,c} is one value
		HideVersion:               true,                         // it is a command
		ExitErrHandler:            func(*cli.Context, error) {}, // the default one would end the process here
		OnUsageError:              usageError,
		Action:                    rootAction,
	}
	for _, command := range a.Commands {
		command.OnUsageError = usageError
		command.Before = noArguments(command.ArgsUsage)
	}
	return a
}

// rootAction runs when no command is named, or an unknown one.
func rootAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	var known []string
	for _, command := range c.App.VisibleCommands() {
		known = append(known, command.Name)
	}
	return fault.New(fault.Usage, fmt.Errorf("no command %q", c.Args().First()),
		"the commands are: "+strings.Join(known, ", "))
}

func usageError(c *cli.Context, err error, _ bool) error {
	return fault.New(fault.Usage, err, "see: "+helpFor(c))
}

func helpFor(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == c.App.Name {
		return "tkdeploy --help"
	}
	return "tkdeploy " + c.Command.Name + " --help"
}

// noArguments refuses arguments to a command that takes none: a flag without
// its dashes would otherwise be dropped in silence.
func noArguments(usage string) cli.BeforeFunc {
	return func(c *cli.Context) error {
		if usage == "" && c.NArg() > 0 {
			return usageError(c, fmt.Errorf("%s takes no argument, but was given %q", c.Command.Name, c.Args().First()), true)
		}
		return nil
	}
}
