package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func statusCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show the cluster, the release, the workloads and where the app answers",
		Description: "Examples:\n" +
			"   tkdeploy status\n" +
			"   tkdeploy status --output json | jq -r '.services[].address'",
		Flags: []cli.Flag{envFlag(), configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			i, err := open(c)
			if err != nil {
				return err
			}
			s, err := i.session.Status(c.Context)
			if err != nil {
				return err
			}
			if i.json {
				return writeJSON(streams.Out, s)
			}
			return printStatus(streams.Out, s)
		},
	}
}

func printStatus(w io.Writer, s *deploy.Status) error {
	p := text.NewTable(w)
	p.Row("cluster", s.Cluster.Name, string(s.Cluster.Phase), s.Cluster.Reason)
	for _, node := range s.Cluster.Nodes {
		p.Row("node", node.Name, readyWord(node.Ready), node.Version)
	}
	if s.Release != nil {
		verified := "not verified"
		if s.Release.Verified {
			verified = "verified"
		}
		p.Row("release", s.Release.Name, s.Release.Status, fmt.Sprintf("revision %d, %s, namespace %s", s.Release.Revision, verified, s.Release.Namespace))
	}
	if err := p.Flush(); err != nil {
		return err
	}
	if err := printWorkloads(w, s); err != nil {
		return err
	}
	return printServices(w, s.Services)
}

func printWorkloads(w io.Writer, s *deploy.Status) error {
	if len(s.Workloads) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	p := text.NewTable(w)
	p.Row("WORKLOAD", "READY", "IMAGE")
	for _, workload := range s.Workloads {
		name := strings.ToLower(string(workload.Kind)) + "/" + workload.Name
		p.Row(name, fmt.Sprintf("%d/%d", workload.Ready, workload.Desired), strings.Join(workload.Images, ", "))
	}
	return p.Flush()
}

func printServices(w io.Writer, services []deploy.ServiceStatus) error {
	if len(services) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	p := text.NewTable(w)
	p.Row("SERVICE", "PORTS", "ADDRESS")
	for _, s := range services {
		address := s.Address
		if address == "" {
			address = "inside the cluster"
		}
		p.Row(s.Name, strings.Join(s.Ports, ","), address)
	}
	return p.Flush()
}

func readyWord(ready bool) string {
	if ready {
		return "ready"
	}
	return "not ready"
}
