package cli

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/supportbundle"
)

// secretsTimeout bounds reading the Secrets before the collection.
const secretsTimeout = 5 * time.Second

// collectors returns all collectors. They read nothing from a cluster that is not
// owned.
func (b *bundleRecorder) collectors(ctx context.Context) []supportbundle.Collector {
	s := b.session
	all := []supportbundle.Collector{
		jsonCollector("status", "status.json", "output of tkdeploy status --output json", s.Status),
		jsonCollector("doctor", "doctor.json", "the engine and this machine: output of tkdeploy doctor --output json", b.doctor),
	}
	if dir := s.Workspace.Cluster.FailedCreateLogs(); dir != "" {
		all = append(all, supportbundle.FailedCreateLogs(dir))
	}
	status, err := s.Cluster(ctx)
	switch {
	case err != nil:
		return append(all, unavailable("the cluster", err))
	case status.Phase == cluster.NotOwned, status.Phase == cluster.Absent, status.Phase == cluster.Stopped, status.Phase == cluster.Paused:
		return append(all, unavailable("the cluster", fmt.Errorf("%s: %s", status.Phase, status.Reason)))
	}
	all = append(all, supportbundle.NodeLogs(b.nodes))
	kube, err := s.Kube(ctx)
	if err != nil {
		return append(all, unavailable("the API server", err))
	}
	b.bundle.SetRedactor(b.redactor(ctx))
	all = append(all, jsonCollector("history", "history.json", "the release's revisions: output of tkdeploy history --output json", s.History))
	return append(all, supportbundle.Kubernetes(kube, s.Workspace.Config.Chart.Namespace, supportbundle.Limits{})...)
}

func jsonCollector[T any](name, file, what string, read func(context.Context) (T, error)) supportbundle.Collector {
	return supportbundle.Collector{Name: name, Collect: func(ctx context.Context, to *supportbundle.Writer) error {
		document, err := read(ctx)
		if err != nil {
			return err
		}
		return to.JSON(file, what, document)
	}}
}

func unavailable(name string, reason error) supportbundle.Collector {
	return supportbundle.Collector{Name: name, Collect: func(context.Context, *supportbundle.Writer) error { return reason }}
}

// doctor halves the time of each check, because an unresponsive registry takes all
// of it.
func (b *bundleRecorder) doctor(ctx context.Context) (*doctor.Report, error) {
	return doctor.Run(ctx, b.session, doctor.Timeout/2), nil
}

func (b *bundleRecorder) nodes(ctx context.Context) ([]supportbundle.Node, error) {
	found, err := b.session.Nodes(ctx)
	var nodes []supportbundle.Node
	for _, node := range found {
		nodes = append(nodes, node)
	}
	return nodes, err
}

// redactor covers all Secrets in the namespace and in the release's revisions.
func (b *bundleRecorder) redactor(ctx context.Context) (func(string) string, error) {
	ctx, cancel := context.WithTimeout(ctx, secretsTimeout)
	defer cancel()
	entries, err := b.session.Secrets(ctx)
	if err != nil {
		return nil, err
	}
	client, err := b.session.OpenRelease(ctx)
	if err != nil {
		return nil, err
	}
	return client.Redactor(ctx, entries)
}
