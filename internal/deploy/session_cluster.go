package deploy

import (
	"cmp"
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/cluster/secrets"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/kubeclient"
)

// Cluster returns the status of the cluster.
func (s *Session) Cluster(ctx context.Context) (cluster.Status, error) {
	return s.status.Get(ctx, func(ctx context.Context) (cluster.Status, error) {
		if _, err := s.Engine(ctx); err != nil {
			return cluster.Status{}, err
		}
		return s.Workspace.Cluster.Observe(ctx)
	})
}

// CheckOwnership fails with [fault.NotOwned] if the cluster or its data has another
// owner. The cluster need not exist.
func (s *Session) CheckOwnership(ctx context.Context) error {
	if _, err := s.Engine(ctx); err != nil {
		return err
	}
	return s.Workspace.Cluster.CheckOwnership(ctx)
}

// Nodes returns the nodes of the cluster.
func (s *Session) Nodes(ctx context.Context) ([]cluster.Node, error) {
	if status, ok := s.status.Peek(); ok && status.Phase == cluster.Running {
		return s.Workspace.Cluster.NodesOf(status), nil
	}
	return s.nodes.Get(ctx, func(ctx context.Context) ([]cluster.Node, error) {
		if _, err := s.Engine(ctx); err != nil {
			return nil, err
		}
		return s.Workspace.Cluster.Nodes(ctx)
	})
}

func (s *Session) ensureCluster(ctx context.Context, reporter event.Reporter) error {
	e, err := s.Engine(ctx)
	if err != nil {
		return err
	}
	if err := e.CheckReachable(ctx); err != nil {
		return err
	}
	builder, err := s.Builder(ctx)
	if err != nil {
		return err
	}
	c := s.Workspace.Cluster
	if err := c.Preflight(ctx, reporter); err != nil {
		return err
	}
	if _, err := builder.Ensure(ctx, s.Workspace.NodeImage(), reporter); err != nil {
		return err
	}
	// Stages that start at a milestone cache reads of the new cluster. Until the
	// end, only its status changes.
	s.Invalidate(ClusterState)
	defer s.status.Invalidate()
	return c.Ensure(ctx, reporter)
}

// OpenRelease returns a new client of the release and sends no request. A client
// must not be shared: it accepts one call at a time and may fail after a canceled
// one.
func (s *Session) OpenRelease(ctx context.Context) (*release.Client, error) {
	return s.openRelease(ctx, release.Options{})
}

func (s *Session) openRelease(ctx context.Context, o release.Options) (*release.Client, error) {
	c, err := s.openClients(ctx)
	if err != nil {
		return nil, err
	}
	chart := s.Workspace.Config.Chart
	self := lock.Self(s.Workspace.Command.String())
	o.User, o.Host = self.User, self.Host
	return release.Open(release.Target{Config: c.config, Namespace: chart.Namespace, Name: chart.Release}, o)
}

// capabilities returns the version and the APIs of the cluster, and whether it responds.
func (s *Session) capabilities(ctx context.Context) (found chart.Cluster, ok bool) {
	defer s.Invalidate(ClusterState) // the run observes again
	status, err := s.Cluster(ctx)
	if err != nil || status.Phase != cluster.Running {
		return found, false
	}
	kube, err := s.Kube(ctx)
	if err != nil {
		return found, false
	}
	found.KubeVersion, found.APIVersions, err = kubeclient.Capabilities(kube.Discovery())
	return found, err == nil
}

// Release returns the deployed revision, or an error that wraps
// [release.ErrNotFound].
func (s *Session) Release(ctx context.Context) (*release.Deployed, error) {
	return s.release.Get(ctx, func(ctx context.Context) (*release.Deployed, error) {
		client, err := s.OpenRelease(ctx)
		if err != nil {
			return nil, err
		}
		return client.Deployed(ctx)
	})
}

// observeRelease caches the deployed revision for Release if it is up to date.
func (s *Session) observeRelease(ctx context.Context, desired chart.Desired) (release.Observation, error) {
	client, err := s.OpenRelease(ctx)
	if err != nil {
		return release.Observation{}, err
	}
	store := s.release.Storer()
	observed, err := client.Observe(ctx, desired)
	if err == nil && observed.Current {
		store(observed.Deployed)
	}
	return observed, err
}

// mirrorSecrets copies the Secrets of kept volumes.
func (s *Session) mirrorSecrets(ctx context.Context) error {
	return s.Workspace.Cluster.MirrorSecrets(ctx, s.Workspace.Config.Chart.Namespace)
}

// applyRelease restores the Secrets of kept volumes before it applies the release,
// and copies them after.
func (s *Session) applyRelease(ctx context.Context, desired chart.Desired, o release.Options, reporter event.Reporter) (revision int, err error) {
	client, err := s.openRelease(ctx, o)
	if err != nil {
		return 0, err
	}
	if err := client.AwaitNamespace(ctx, reporter); err != nil {
		return 0, err
	}
	if err := s.Workspace.Cluster.RestoreSecrets(ctx, s.kept(desired)); err != nil {
		return 0, kubeerr.Classify(fault.Apply, err)
	}
	revision, err = client.Apply(ctx, desired, reporter)
	s.Invalidate(ReleaseState)
	if err != nil {
		return revision, err
	}
	return revision, kubeerr.Classify(fault.Apply, s.mirrorSecrets(ctx))
}

// kept returns what is needed to restore Secrets for the release.
func (s *Session) kept(desired chart.Desired) secrets.Release {
	target := s.Workspace.Config.Chart
	return secrets.Release{Namespace: target.Namespace, Name: target.Release, Secrets: func() ([]string, error) {
		rendered, err := chart.Render(desired)
		var names []string
		for _, o := range rendered.Objects {
			if o.GetKind() == "Secret" && cmp.Or(o.GetNamespace(), target.Namespace) == target.Namespace {
				names = append(names, o.GetName())
			}
		}
		return names, err
	}}
}

func (s *Session) rollbackRelease(ctx context.Context, to int, o release.Options, reporter event.Reporter) error {
	client, err := s.openRelease(ctx, o)
	if err != nil {
		return err
	}
	_, err = client.Rollback(ctx, to, reporter)
	s.Invalidate(ReleaseState)
	if err != nil {
		return err
	}
	return s.mirrorSecrets(ctx)
}

func (s *Session) markVerified(ctx context.Context, deployed *release.Deployed) error {
	client, err := s.OpenRelease(ctx)
	if err != nil {
		return err
	}
	if err := client.MarkVerified(ctx, deployed.Revision); err != nil {
		return err
	}
	verified := *deployed
	verified.Verified = true
	s.release.Put(&verified)
	return nil
}

// notHelm excludes Helm's own records, which are large and compressed.
const notHelm = "type!=helm.sh/release.v1"

// Secrets returns the contents of all Secrets in the namespace, for masking.
func (s *Session) Secrets(ctx context.Context) ([]redact.Entry, error) {
	return s.secrets.Get(ctx, func(ctx context.Context) ([]redact.Entry, error) {
		kube, err := s.Kube(ctx)
		if err != nil {
			return nil, err
		}
		found, err := kube.CoreV1().Secrets(s.Workspace.Config.Chart.Namespace).List(ctx, metav1.ListOptions{FieldSelector: notHelm})
		if err != nil {
			return nil, fmt.Errorf("list Secrets: %w", err)
		}
		var entries []redact.Entry
		for _, secret := range found.Items {
			for key, value := range secret.Data {
				entries = append(entries, redact.Entry{Key: key, Value: string(value)})
			}
		}
		return entries, nil
	})
}

// redactor masks the Secrets of the release and of its namespace. It warns if it
// cannot read the latter.
func (s *Session) redactor(ctx context.Context, deployed *release.Deployed, reporter event.Reporter) func(string) string {
	entries := s.secretsToMask(ctx, reporter)
	if entries == nil {
		return deployed.Redact
	}
	return deployed.RedactAlso(entries)
}

func (s *Session) secretsToMask(ctx context.Context, reporter event.Reporter) []redact.Entry {
	entries, err := s.Secrets(ctx)
	if err != nil && ctx.Err() == nil {
		reporter.Report(event.Warn("only Secrets of the release are masked in the output: " + err.Error()))
	}
	return entries
}
