package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// command is a command with its help. The help of urfave/cli has no examples and
// shows "(default: false)".
type command struct {
	name     string
	args     string // such as "[REVISION]"; "" accepts no arguments
	summary  string // imperative, without a full stop
	details  string
	examples []example
	flags    []cli.Flag
	hidden   bool
	run      func(*cli.Context) error
}

type example struct{ line, comment string }

func (c command) cli() *cli.Command {
	return &cli.Command{
		Name: c.name, Usage: c.summary, ArgsUsage: c.args, Flags: c.flags, Hidden: c.hidden,
		CustomHelpTemplate: literalTemplate(c.help()),
		HideHelpCommand:    true,
		OnUsageError:       usageError,
		Before:             c.checkArgs,
		Action:             c.run,
	}
}

// checkArgs rejects unexpected arguments, such as a flag without its dashes.
func (c command) checkArgs(ctx *cli.Context) error {
	if c.args == "" && ctx.NArg() > 0 {
		return usageError(ctx, fmt.Errorf("%s accepts no arguments, got %q", c.name, ctx.Args().First()), true)
	}
	return nil
}

func (c command) usage() string {
	line := "tkdeploy " + c.name
	if len(c.flags) > 0 {
		line += " [flags]"
	}
	return strings.TrimSpace(line + " " + c.args)
}

func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", c.summary)
	if c.details != "" {
		fmt.Fprintf(&b, "%s\n\n", c.details)
	}
	fmt.Fprintf(&b, "USAGE:\n  %s\n\nFLAGS:\n%s", c.usage(), columns(flagRows(c.flags)))
	if len(c.examples) > 0 {
		fmt.Fprintf(&b, "\nEXAMPLES:\n%s", columns(exampleRows(c.examples)))
	}
	return b.String()
}

const appSummary = "Build and deploy a microservice app to a kind cluster"

func appHelp(commands []command) string {
	var rows [][2]string
	for _, c := range commands {
		if !c.hidden {
			rows = append(rows, [2]string{c.name, c.summary})
		}
	}
	return fmt.Sprintf("%s\n\nUSAGE:\n  tkdeploy COMMAND [flags]\n\nCOMMANDS:\n%s\nEXIT CODES:\n%s\nRun \"tkdeploy help COMMAND\" for the flags and examples of a command.\n",
		appSummary, columns(rows), exitCodesHelp())
}

func exampleRows(examples []example) [][2]string {
	var rows [][2]string
	for _, e := range examples {
		row := [2]string{e.line}
		if e.comment != "" {
			row[1] = "# " + e.comment
		}
		rows = append(rows, row)
	}
	return rows
}

func flagRows(flags []cli.Flag) [][2]string {
	var rows [][2]string
	for _, f := range flags {
		rows = append(rows, [2]string{flagName(f), flagUsage(f)})
	}
	return append(rows, [2]string{"-h, --help", "Show help"})
}

func flagName(f cli.Flag) string {
	var short, long string
	for _, name := range f.Names() {
		if len(name) == 1 {
			short = "-" + name + ", "
		} else if long == "" {
			long = "--" + name
		}
	}
	_, placeholder := unquote(f)
	return strings.TrimRight(fmt.Sprintf("%4s%s %s", short, long, placeholder), " ")
}

func flagUsage(f cli.Flag) string {
	usage, _ := unquote(f)
	documented, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return usage
	}
	if value := documented.GetValue(); documented.TakesValue() && value != "" && value != "[]" && value != "0" {
		usage += fmt.Sprintf(" (default: %s)", value)
	}
	for _, variable := range documented.GetEnvVars() {
		usage += " [$" + variable + "]"
	}
	return usage
}

// unquote returns the description of a flag and the placeholder for its value,
// which is in backquotes there.
func unquote(f cli.Flag) (usage, placeholder string) {
	documented, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	before, rest, found := strings.Cut(documented.GetUsage(), "`")
	placeholder, after, closed := strings.Cut(rest, "`")
	if !found || !closed {
		return documented.GetUsage(), ""
	}
	return before + placeholder + after, placeholder
}

func columns(rows [][2]string) string {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s   %s", width, row[0], row[1]), " "))
	}
	return b.String()
}

// literalTemplate returns a template that prints text unchanged.
func literalTemplate(text string) string { return strings.ReplaceAll(text, "{{", "{{`{{`}}") }

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
