package cli

import (
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

// workspace is a deploy.Workspace with the flags that say how a command's result
// is presented.
type workspace struct {
	*deploy.Workspace
	json        bool // the result is wanted as JSON
	reports     reports
	diagnostics string // the folder for bundles of failed runs, or none
}

// open reads the flags that all commands share and the configuration that they
// name. It touches nothing but the places for reports.
func open(c *cli.Context) (*workspace, error) {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return nil, err
	}
	reports, err := readReports(c)
	if err != nil {
		return nil, err
	}
	name := c.String("env")
	w, err := deploy.Open(c.String("config"), name, "tkdeploy "+c.Command.Name+" --env "+name)
	if err != nil {
		return nil, err
	}
	diagnostics, err := diagnosticsDir(c, w.Config, w.Env)
	if err != nil {
		return nil, err
	}
	return &workspace{w, asJSON, reports, diagnostics}, nil
}
