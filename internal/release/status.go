package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Status is the newest revision, with the objects of the current one.
type Status struct {
	Name      string
	Namespace string
	Revision
	Objects []unstructured.Unstructured // as applied
}

// Status returns the status from the release records, or [ErrNotFound].
func (c *Client) Status(ctx context.Context) (Status, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return Status{}, err
	}
	if len(releases) == 0 {
		return Status{}, fmt.Errorf("%s: %w", c, ErrNotFound)
	}
	newest := releases[len(releases)-1]
	status := Status{Name: c.name, Namespace: c.namespace, Revision: revisionOf(newest)}
	if status.Objects, err = c.namespacedObjects(currentRevision(releases).Manifest); err != nil {
		return Status{}, fmt.Errorf("read the manifest of %s: %w", c, err)
	}
	return status, nil
}

// Deployed is the deployed revision, from a single read of the records.
type Deployed struct {
	Revision int
	Newest   bool // false if there is a newer one, such as a failed one
	Verified bool

	Objects   []unstructured.Unstructured // as applied, each with its namespace
	TestHooks []Hook                      // in the order of `helm test`
	Redact    func(string) string         // masks the contents of the release's Secrets

	manifests []string // of all revisions
}

// RedactAlso returns a function that masks entries too.
func (d *Deployed) RedactAlso(entries []redact.Entry) func(string) string {
	return chart.NewRedactorWith(entries, d.manifests...).Text
}

// Deployed returns the deployed revision from the release records, or [ErrNotFound].
func (c *Client) Deployed(ctx context.Context) (*Deployed, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	return c.deployed(releases)
}

func (c *Client) deployed(releases []*release.Release) (*Deployed, error) {
	rel := deployedRevision(releases)
	if rel == nil {
		return nil, fault.New(fault.Apply, fmt.Errorf("%s has no deployed revision: %w", c, ErrNotFound), `run "tkdeploy up" to deploy it`)
	}
	var err error
	d := &Deployed{
		Revision:  rel.Version,
		Newest:    rel == releases[len(releases)-1],
		Verified:  isVerified(rel),
		manifests: chart.Manifests(releases...),
	}
	d.Redact = d.RedactAlso(nil)
	if d.Objects, err = c.namespacedObjects(rel.Manifest); err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	d.TestHooks, err = c.testHooks(rel)
	return d, err
}

// Redactor returns a function that masks the contents of the release's Secrets,
// including those in hooks, and entries.
func (c *Client) Redactor(ctx context.Context, entries []redact.Entry) (func(string) string, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	return chart.NewRedactorWith(entries, chart.Manifests(releases...)...).Text, nil
}
