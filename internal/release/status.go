package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Status is how a release stands: its newest revision, and the objects of the
// one that is deployed, or of the newest where none is.
type Status struct {
	Name      string
	Namespace string
	Revision
	Objects []unstructured.Unstructured // as applied, not as they live now
}

// Status reads the release's records. If there is none it is [ErrNotFound].
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
	if status.Objects, err = c.placedObjects(serving(releases).Manifest); err != nil {
		return Status{}, fmt.Errorf("read the manifest of %s: %w", c, err)
	}
	return status, nil
}

// Deployed is the revision whose objects are in the cluster as far as Helm
// knows, by one reading of the records.
type Deployed struct {
	Revision int
	Newest   bool // there is no newer one, such as one that failed
	Verified bool // it came up and passed its smoke tests

	Objects   []unstructured.Unstructured // as applied, each with its namespace
	TestHooks []Hook                      // in the order in which `helm test` runs them
	Redact    func(string) string         // is what [Client.Redactor] gives
}

// Deployed reads the release's records. Without a deployed revision it is
// [ErrNotFound].
func (c *Client) Deployed(ctx context.Context) (*Deployed, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	return c.deployed(releases)
}

func (c *Client) deployed(releases []*release.Release) (*Deployed, error) {
	rel := deployed(releases)
	if rel == nil {
		return nil, fmt.Errorf("%s has no deployed revision: %w", c, ErrNotFound)
	}
	var err error
	d := &Deployed{
		Revision: rel.Version,
		Newest:   rel == releases[len(releases)-1],
		Verified: isVerified(rel),
		Redact:   chart.NewRedactor(chart.Manifests(releases...)...).Text,
	}
	if d.Objects, err = c.placedObjects(rel.Manifest); err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	d.TestHooks, err = c.testHooks(rel)
	return d, err
}

// Redactor masks the contents of the release's Secrets, those of its hooks
// included, in texts of the cluster that are shown to a person, such as a
// container's log. It masks further contents too, such as those of Secrets that
// the release has not made.
func (c *Client) Redactor(ctx context.Context, further ...string) (func(string) string, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	return chart.NewRedactorWith(further, chart.Manifests(releases...)...).Text, nil
}
