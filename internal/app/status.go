package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
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
			w, err := open(c)
			if err != nil {
				return err
			}
			s, err := w.status(c.Context)
			if err != nil {
				return err
			}
			if w.json {
				return writeJSON(streams.Out, s)
			}
			return s.print(streams.Out)
		},
	}
}

// status is what `tkdeploy status --output json` prints; docs/events.md
// documents it.
type status struct {
	Environment string           `json:"environment"`
	Cluster     clusterStatus    `json:"cluster"`
	Release     *releaseStatus   `json:"release,omitempty"`
	Workloads   []workloadStatus `json:"workloads,omitempty"`
	Services    []serviceStatus  `json:"services,omitempty"`
}

type clusterStatus struct {
	Name       string               `json:"name"`
	Phase      cluster.Phase        `json:"phase"`
	Cause      string               `json:"cause"`
	Kubeconfig string               `json:"kubeconfig,omitempty"`
	Nodes      []cluster.NodeStatus `json:"nodes,omitempty"`
}

type releaseStatus struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
	Status    string `json:"status"`
	Verified  bool   `json:"verified"` // it passed its smoke test
	Chart     string `json:"chart"`
}

type workloadStatus struct {
	Kind   health.Kind `json:"kind"`
	Name   string      `json:"name"`
	Ready  int32       `json:"ready"`
	Wanted int32       `json:"wanted"`
	Images []string    `json:"images"`
}

func (w *workspace) status(ctx context.Context) (*status, error) {
	seen, err := w.observe(ctx)
	if err != nil {
		return nil, err
	}
	s := &status{
		Environment: w.envName,
		Cluster:     clusterStatus{Name: w.cluster.Name, Phase: seen.Phase, Cause: seen.Reason, Nodes: seen.Nodes},
	}
	if seen.Phase != cluster.Running {
		return s, nil
	}
	s.Cluster.Kubeconfig = w.cluster.Kubeconfig()
	return s, w.describeRelease(ctx, s)
}

// describeRelease adds the release, its workloads and its services, if there is one.
func (w *workspace) describeRelease(ctx context.Context, s *status) error {
	client, err := w.release()
	if err != nil {
		return err
	}
	found, err := client.Status(ctx)
	if errors.Is(err, release.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	revision := found.Revision
	s.Release = &releaseStatus{
		Name: found.Name, Namespace: found.Namespace, Revision: revision.Revision,
		Status: revision.Status, Verified: revision.Verified, Chart: revision.Chart,
	}
	kube, err := w.kube()
	if err != nil {
		return err
	}
	watcher := &rollout.Watcher{Client: kube}
	workloads, err := watcher.Status(ctx, health.Workloads(found.Objects, found.Namespace))
	if err != nil {
		return err
	}
	for _, workload := range workloads {
		s.Workloads = append(s.Workloads, workloadStatus{workload.Kind, workload.Name, workload.Ready, workload.Desired, workload.Images})
	}
	s.Services, err = w.services(ctx, found.Namespace, found.Objects)
	return err
}

// printer writes tables and remembers the first failed write.
type printer struct {
	*tabwriter.Writer
	err error
}

func newPrinter(w io.Writer) *printer {
	return &printer{Writer: tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)}
}

func (p *printer) row(cells ...string) {
	if _, err := fmt.Fprintln(p, strings.Join(cells, "\t")); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *printer) close() error { return errors.Join(p.err, p.Flush()) }

func (s *status) print(w io.Writer) error {
	p := newPrinter(w)
	p.row("cluster", s.Cluster.Name, string(s.Cluster.Phase), s.Cluster.Cause)
	for _, node := range s.Cluster.Nodes {
		p.row("node", node.Name, readyWord(node.Ready), node.Version)
	}
	if s.Release != nil {
		verified := "not verified"
		if s.Release.Verified {
			verified = "verified"
		}
		p.row("release", s.Release.Name, s.Release.Status, fmt.Sprintf("revision %d, %s, namespace %s", s.Release.Revision, verified, s.Release.Namespace))
	}
	if err := p.close(); err != nil {
		return err
	}
	if err := s.printWorkloads(w); err != nil {
		return err
	}
	return printServices(w, s.Services)
}

func (s *status) printWorkloads(w io.Writer) error {
	if len(s.Workloads) == 0 {
		return nil
	}
	p := newPrinter(w)
	p.row("\nWORKLOAD", "READY", "IMAGE")
	for _, workload := range s.Workloads {
		name := strings.ToLower(string(workload.Kind)) + "/" + workload.Name
		p.row(name, fmt.Sprintf("%d/%d", workload.Ready, workload.Wanted), strings.Join(workload.Images, ", "))
	}
	return p.close()
}

func printServices(w io.Writer, services []serviceStatus) error {
	if len(services) == 0 {
		return nil
	}
	p := newPrinter(w)
	p.row("\nSERVICE", "PORTS", "ADDRESS")
	for _, s := range services {
		address := s.Address
		if address == "" {
			address = "inside the cluster"
		}
		p.row(s.Name, strings.Join(s.Ports, ","), address)
	}
	return p.close()
}

func readyWord(ready bool) string {
	if ready {
		return "ready"
	}
	return "not ready"
}
