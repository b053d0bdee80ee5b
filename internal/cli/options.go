package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// sessionOptions are the options of every command that reads tkdeploy.yaml.
type sessionOptions struct {
	command string
	env     string
	config  string // path of tkdeploy.yaml; "" searches for it
}

func sessionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "env", Aliases: []string{"e"}, Value: "dev", EnvVars: []string{"TKDEPLOY_ENV"}, Usage: "Use `ENVIRONMENT` of tkdeploy.yaml"},
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, EnvVars: []string{"TKDEPLOY_CONFIG"}, Usage: "Read `FILE` instead of searching for tkdeploy.yaml"},
	}
}

func newSessionOptions(c *cli.Context) sessionOptions {
	return sessionOptions{command: c.Command.Name, env: c.String("env"), config: c.String("config")}
}

// open loads the configuration but opens no connection. It warns of deprecated
// keys and of settings without an effect.
func (o sessionOptions) open(streams Streams) (*deploy.Session, error) {
	cfg, err := deploy.LoadConfig(o.config)
	if err != nil {
		return nil, err
	}
	for _, problem := range slices.Concat(cfg.Deprecations, cfg.Warnings) {
		if err := streams.warn(problem.String()); err != nil {
			return nil, err
		}
	}
	w, err := deploy.NewWorkspace(cfg, o.env, deploy.Command{Name: o.command, Args: []string{"--env", o.env}}, engine.Options{})
	if err != nil {
		return nil, err
	}
	return deploy.NewSession(w), nil
}

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "Print the result as `FORMAT`: text or json"}
}

func wantsJSON(c *cli.Context) (bool, error) {
	switch format := c.String("output"); format {
	case "json":
		return true, nil
	case "text":
		return false, nil
	default:
		return false, fault.New(fault.Usage, fmt.Errorf("invalid --output %q: must be text or json", format), "use text or json")
	}
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// queryOptions are the options of commands that print one result.
type queryOptions struct {
	session sessionOptions
	json    bool
}

func queryFlags() []cli.Flag { return append(sessionFlags(), outputFlag()) }

func newQueryOptions(c *cli.Context) (queryOptions, error) {
	asJSON, err := wantsJSON(c)
	return queryOptions{newSessionOptions(c), asJSON}, err
}
