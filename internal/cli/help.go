package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cli/man"
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

// ManPages returns the man page of tkdeploy and those of its commands by file name,
// such as tkdeploy-up.1.
func ManPages(version string) map[string]string {
	var rows [][2]string
	var seeAlso []string
	pages := make(map[string]string)
	version = "tkdeploy " + version
	for _, c := range commands(Streams{}) {
		if c.hidden {
			continue
		}
		rows = append(rows, [2]string{c.name, c.summary})
		seeAlso = append(seeAlso, "tkdeploy-"+c.name+"(1)")
		pages["tkdeploy-"+c.name+".1"] = c.manPage(version).Render()
	}
	pages["tkdeploy.1"] = man.Page{
		Name: "tkdeploy", Version: version, Summary: appSummary, Synopsis: "tkdeploy COMMAND [flags]",
		Sections: []man.Section{
			{Title: "Commands", Terms: rows},
			{Title: "Exit status", Terms: exitCodeRows()},
			{Title: "See also", Lines: []string{strings.Join(seeAlso, ", ")}},
		},
	}.Render()
	return pages
}

func (c command) manPage(version string) man.Page {
	var flags [][2]string
	for _, row := range flagRows(c.flags) {
		flags = append(flags, [2]string{strings.TrimSpace(row[0]), row[1]})
	}
	return man.Page{
		Name: "tkdeploy-" + c.name, Version: version, Summary: c.summary, Synopsis: c.usage(), Text: c.details,
		Sections: []man.Section{
			{Title: "Options", Terms: flags},
			{Title: "Examples", Lines: strings.Split(strings.TrimSuffix(unindent(columns(exampleRows(c.examples))), "\n"), "\n")},
			{Title: "See also", Lines: []string{"tkdeploy(1)"}},
		},
	}
}

// unindent removes the indentation of columns.
func unindent(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}
