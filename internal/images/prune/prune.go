// Package prune finds the images of earlier builds of a project, and the clusters that
// may use them.
package prune

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/go-units"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// Recent is how long an image is kept after its build: the run that has built it may
// not have deployed it yet.
const Recent = 30 * time.Minute

// warningLimit bounds the call of [Warning], which runs during builds.
const warningLimit = 5 * time.Second

// Image is an image that tkdeploy built for the project.
type Image struct {
	Ref  string `json:"ref"`
	Size int64  `json:"size"` // bytes that no other image shares
}

// Found is what an engine has of a project.
type Found struct {
	Unused []Image // largest first
	Recent int     // unused images that are kept because they are new
	Older  int     // images of versions of tkdeploy that named no project
}

// Find returns the project's images without a tag in used, a set of full references. Of an
// image's tags, only those that name its inputs are tkdeploy's.
func Find(ctx context.Context, e *engine.Engine, project string, used map[string]bool, now time.Time) (Found, error) {
	var found Found
	all, err := list(ctx, e)
	if err != nil {
		return found, err
	}
	for _, i := range all {
		if owner := i.Labels[inputs.LabelProject]; owner != project {
			if owner == "" && i.Labels[inputs.LabelName] != "" {
				found.Older++
			}
			continue
		}
		if slices.ContainsFunc(i.RepoTags, func(ref string) bool { return used[engine.FullRef(ref)] }) {
			continue
		}
		for _, ref := range i.RepoTags {
			if !isOurs(ref, i.Labels) {
				continue
			}
			isNew, err := builtAfter(ctx, e, ref, now.Add(-Recent))
			switch {
			case err != nil:
				return found, err
			case isNew:
				found.Recent++
			default:
				found.Unused = append(found.Unused, Image{ref, ownSize(i)})
			}
		}
	}
	slices.SortFunc(found.Unused, func(a, b Image) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Ref, b.Ref)) })
	return found, nil
}

func list(ctx context.Context, e *engine.Engine) (found []image.Summary, err error) {
	err = e.Call(ctx, func(ctx context.Context) error {
		found, err = e.API().ImageList(ctx, image.ListOptions{SharedSize: true, Filters: filters.NewArgs(filters.Arg("label", inputs.LabelInputs))})
		return err
	})
	if err == nil && slices.ContainsFunc(found, func(i image.Summary) bool { return i.SharedSize < 0 }) {
		err = addSharedSizes(ctx, e, found)
	}
	if err != nil {
		return nil, fmt.Errorf("list the images of %s: %w", e, err)
	}
	return found, nil
}

// addSharedSizes is for Docker Engine before version 23, whose lists have no shared sizes.
func addSharedSizes(ctx context.Context, e *engine.Engine, images []image.Summary) error {
	return e.Call(ctx, func(ctx context.Context) error {
		usage, err := e.API().DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.ImageObject}})
		if err != nil {
			return err
		}
		shared := map[string]int64{}
		for _, i := range usage.Images {
			shared[i.ID] = i.SharedSize
		}
		for i := range images {
			images[i].SharedSize = shared[images[i].ID]
		}
		return nil
	})
}

// Limit is the size of a project's images above which [Warning] returns one.
const Limit = 10 << 30

// Warning returns a warning if the project's images are large, or "". It takes one call,
// and returns no warning if that fails or the engine does not report shared sizes.
func Warning(ctx context.Context, e *engine.Engine, project string) string {
	ctx, cancel := context.WithTimeout(ctx, warningLimit)
	defer cancel()
	all, err := e.API().ImageList(ctx, image.ListOptions{SharedSize: true, Filters: filters.NewArgs(filters.Arg("label", inputs.LabelProject+"="+project))})
	if err != nil {
		return ""
	}
	var size int64
	for _, i := range all {
		if i.SharedSize >= 0 {
			size += ownSize(i)
		}
	}
	if size < Limit {
		return ""
	}
	return fmt.Sprintf("the images of project %s use %s: run `tkdeploy prune --dry-run` to see which are unused", project, units.BytesSize(float64(size)))
}

// isOurs reports whether the tag is one that tkdeploy derived from the inputs, perhaps with
// the suffix of a rebuild.
func isOurs(ref string, labels map[string]string) bool {
	tag, _, _ := strings.Cut(ref[strings.LastIndex(ref, ":")+1:], "-")
	hash := labels[inputs.LabelInputs]
	return len(tag) == inputs.TagLength && strings.HasPrefix(hash, tag)
}

// ownSize returns 0 for an image with other tags, which a removed tag does not free.
func ownSize(i image.Summary) int64 {
	if len(i.RepoTags) > 1 {
		return 0
	}
	return max(i.Size-max(i.SharedSize, 0), 0)
}

func builtAfter(ctx context.Context, e *engine.Engine, ref string, t time.Time) (bool, error) {
	found, err := e.Inspect(ctx, ref)
	if err != nil || found == nil {
		return false, err
	}
	return found.Metadata.LastTagTime.After(t), nil
}

// Remove removes a tag of an image. It reports false if a container uses the image.
func Remove(ctx context.Context, e *engine.Engine, ref string) (removed bool, err error) {
	err = e.Call(ctx, func(ctx context.Context) error {
		_, err := e.API().ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
		return err
	})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return true, nil
	case errdefs.IsConflict(err):
		return false, nil
	}
	return false, fmt.Errorf("remove image %s: %w", ref, err)
}

// Cluster is a kind cluster in the engine, started or not.
type Cluster struct {
	Name     string
	Owner    string // "<project>/<environment>"; "" if tkdeploy did not create it
	StateDir string
}

const (
	clusterLabel = "io.x-k8s.kind.cluster" // of kind's nodes
	ownerMounts  = "/etc/tkdeploy/"        // see package cluster
)

// Clusters returns all kind clusters.
func Clusters(ctx context.Context, e *engine.Engine) ([]Cluster, error) {
	var nodes []container.Summary
	err := e.Call(ctx, func(ctx context.Context) (err error) {
		nodes, err = e.API().ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", clusterLabel))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the clusters of %s: %w", e, err)
	}
	var clusters []Cluster
	for _, n := range nodes {
		c := Cluster{Name: n.Labels[clusterLabel]}
		for _, m := range n.Mounts {
			if owner, ok := strings.CutPrefix(m.Destination, ownerMounts); ok {
				c.Owner, c.StateDir = owner, strings.TrimSuffix(strings.TrimPrefix(m.Source, "/host_mnt"), "/owner")
			}
		}
		if !slices.Contains(clusters, c) {
			clusters = append(clusters, c)
		}
	}
	return clusters, nil
}
