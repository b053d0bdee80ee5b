package cli

import (
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

//go:embed completion/bash.sh
var bashCompletion string

//go:embed completion/zsh.sh
var zshCompletion string

func completionCommand(streams Streams) command {
	return command{
		name:    "completion",
		args:    "bash|zsh|fish",
		summary: "Print the completion script of a shell",
		examples: []example{
			{"source <(tkdeploy completion bash)", ""},
			{"tkdeploy completion zsh > ~/.zfunc/_tkdeploy", ""},
			{"tkdeploy completion fish > ~/.config/fish/completions/tkdeploy.fish", ""},
		},
		run: func(c *cli.Context) error {
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
		return "", fault.New(fault.Usage, fmt.Errorf("unsupported shell %q", shell), strictyaml.DidYouMean(shell, []string{"bash", "zsh", "fish"}, "use bash, zsh or fish"))
	}
}
