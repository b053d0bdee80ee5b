package cli

import (
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

// invocation is one call of a command: its session and the options that decide
// how its result is presented.
type invocation struct {
	session   *deploy.Session
	json      bool // print the result as JSON
	reports   reports
	bundleDir string // directory for support bundles of failed runs; "" writes none
}

// open reads the flags that all commands share and the configuration that they
// name. It changes nothing but the files of the reports.
func open(c *cli.Context) (*invocation, error) {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return nil, err
	}
	reports, err := readReports(c)
	if err != nil {
		return nil, err
	}
	env := c.String("env")
	w, err := deploy.OpenWorkspace(c.String("config"), env, deploy.Command{Name: c.Command.Name, Args: []string{"--env", env}})
	if err != nil {
		return nil, err
	}
	bundleDir, err := diagnosticsDir(c, w.Config, w.Env)
	if err != nil {
		return nil, err
	}
	return &invocation{deploy.NewSession(w), asJSON, reports, bundleDir}, nil
}
