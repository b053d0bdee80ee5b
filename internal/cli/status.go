package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/deploy/address"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func statusCommand(streams Streams) command {
	return command{
		name:    "status",
		summary: "Show the cluster, the release, its workloads and their addresses",
		examples: []example{
			{"tkdeploy status", ""},
			{"tkdeploy status --output json | jq -r '.services[].address'", ""},
		},
		flags: queryFlags(),
		run: func(c *cli.Context) error {
			o, err := newQueryOptions(c)
			if err != nil {
				return err
			}
			return statusOptions{o}.status(c.Context, streams)
		},
	}
}

type statusOptions struct{ query queryOptions }

func (o statusOptions) status(ctx context.Context, streams Streams) error {
	s, err := o.query.session.open(streams)
	if err != nil {
		return err
	}
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	if o.query.json {
		err = writeJSON(streams.Out, status)
	} else {
		err = printStatus(streams.Out, status)
	}
	for _, warning := range status.Warnings {
		err = errors.Join(err, streams.warn(warning))
	}
	return errors.Join(status.Cluster.NotOwned, err)
}

func printStatus(w io.Writer, s *deploy.Status) error {
	c := s.Cluster
	reason := c.Reason
	if c.Phase == cluster.Running {
		reason = "" // the tables show more
	}
	tables := [][][]string{
		{{"ENVIRONMENT", "CLUSTER", "PHASE", "REASON"}, {s.Environment, c.Name, string(c.Phase), orDash(reason)}},
		{{"NODE", "STATUS", "VERSION"}},
		{{"RELEASE", "NAMESPACE", "REVISION", "STATUS", "VERIFIED", "CHART"}},
		{{"WORKLOAD", "READY", "IMAGES"}},
		{{"SERVICE", "PORTS", "ADDRESS"}},
	}
	add := func(table int, cells ...string) { tables[table] = append(tables[table], cells) }
	for _, node := range c.Nodes {
		add(1, node.Name, nodeStatus(node), orDash(node.Version))
	}
	if r := s.Release; r != nil {
		add(2, r.Name, r.Namespace, fmt.Sprint(r.Revision), revisionStatus(r.Status, r.Partly), yesNo(r.Verified), r.Chart)
	}
	for _, workload := range s.Workloads {
		name := strings.ToLower(string(workload.Kind)) + "/" + workload.Name
		add(3, name, fmt.Sprintf("%d/%d", workload.Ready, workload.Desired), strings.Join(workload.Images, ","))
	}
	for _, service := range s.Services {
		add(4, service.Name, strings.Join(service.Ports, ","), serviceAddress(service))
	}
	return printTables(w, tables)
}

func serviceAddress(s address.Service) string {
	if s.Pending {
		return "pending: no load balancer in this cluster"
	}
	return orDash(s.Address)
}

func printTables(w io.Writer, tables [][][]string) error {
	for i, rows := range tables {
		if len(rows) == 1 {
			continue
		}
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		t := text.NewTable(w)
		for _, row := range rows {
			t.Row(row...)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// nodeStatus returns the status as kubectl prints it.
func nodeStatus(node cluster.NodeStatus) string {
	if node.Ready {
		return "Ready"
	}
	return "NotReady"
}
