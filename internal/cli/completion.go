package cli

import (
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

//go:embed completion/bash.sh
var bashCompletion string

//go:embed completion/zsh.sh
var zshCompletion string

func completionCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: "Examples:\n" +
			"   source <(tkdeploy completion bash)\n" +
			"   tkdeploy completion zsh > ~/.zfunc/_tkdeploy\n" +
			"   tkdeploy completion fish > ~/.config/fish/completions/tkdeploy.fish",
		Action: func(c *cli.Context) error {
			script, err := completionScript(c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(streams.Out, script)
			return err
		},
	}
}

func completionScript(c *cli.Context) (string, error) {
	switch shell := c.Args().First(); shell {
	case "bash":
		return bashCompletion, nil
	case "zsh":
		return zshCompletion, nil
	case "fish":
		return c.App.ToFishCompletion()
	default:
		return "", fault.New(fault.Usage, fmt.Errorf("completion for %q: there is none", shell), "use bash, zsh or fish")
	}
}
