// Package prune removes what earlier runs of a project left on this machine: images
// that nothing uses and the state of clusters that no longer exist.
package prune

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Plan is what can be removed. docs/events.md documents its JSON form.
type Plan struct {
	Images  []prune.Image `json:"images"`
	Folders []Folder      `json:"folders"`
	Bytes   int64         `json:"bytes"` // in total
	Kept    []string      `json:"kept"`  // what is not removed, and why
	Removed bool          `json:"removed"`
}

// Pruner prunes a project. Its environments may have any number of clusters.
type Pruner struct {
	session *deploy.Session
	volumes bool
	now     func() time.Time
	used    func(context.Context, *deploy.Session, prune.Cluster) ([]string, error) // images of a cluster
}

// New returns a Pruner of the session's project. It removes the data of volumes of
// clusters that no longer exist only if volumes is set.
func New(s *deploy.Session, volumes bool) *Pruner {
	return &Pruner{session: s, volumes: volumes, now: time.Now, used: usedImages}
}

// Find returns what can be removed, and changes nothing.
func (p *Pruner) Find(ctx context.Context) (*Plan, error) {
	e, err := p.session.Engine(ctx)
	if err != nil {
		return nil, err
	}
	clusters, err := prune.Clusters(ctx, e)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Images: []prune.Image{}, Folders: []Folder{}, Kept: []string{}}
	if err := p.findImages(ctx, e, clusters, plan); err != nil {
		return nil, err
	}
	if err := p.findFolders(ctx, clusters, plan); err != nil {
		return nil, err
	}
	for _, i := range plan.Images {
		plan.Bytes += i.Size
	}
	for _, f := range plan.Folders {
		plan.Bytes += f.Size
	}
	return plan, nil
}

// findImages keeps all images if it cannot read the revisions of a cluster of the
// project: a rollback may need any of them.
func (p *Pruner) findImages(ctx context.Context, e *engine.Engine, clusters []prune.Cluster, plan *Plan) error {
	project := p.session.Workspace.Config.Name
	used := map[string]bool{}
	readable := true
	for _, c := range clusters {
		owner, env, _ := strings.Cut(c.Owner, "/")
		if owner != project {
			continue
		}
		refs, err := p.used(ctx, p.session, c)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			readable = false
			plan.keep("all images, because the revisions of cluster %s (environment %s) cannot be read: %v", c.Name, env, err)
		}
		for _, ref := range refs {
			used[engine.FullRef(ref)] = true
		}
	}
	if !readable {
		return nil
	}
	current, err := p.checkout(ctx)
	if err != nil {
		return err
	}
	for _, ref := range current {
		used[engine.FullRef(ref)] = true
	}
	found, err := prune.Find(ctx, e, project, used, p.now())
	if err != nil {
		return err
	}
	plan.Images = append(plan.Images, found.Unused...)
	if found.Recent > 0 {
		plan.keep("%s, because the build was in the last %.0f minutes", text.Plural(found.Recent, "unused image"), prune.Recent.Minutes())
	}
	if found.Older > 0 {
		plan.keep("%s without the name of a project, from an earlier version of tkdeploy", text.Plural(found.Older, "image"))
	}
	return nil
}

// checkout returns the images that the next up uses.
func (p *Pruner) checkout(ctx context.Context) ([]string, error) {
	builder, err := p.session.Builder(ctx)
	if err != nil {
		return nil, err
	}
	status, err := builder.Observe(ctx, p.session.Workspace.AppImages())
	var refs []string
	for _, i := range status.Images {
		refs = append(refs, i.Ref)
	}
	return refs, err
}

// Apply removes what the plan lists. What a container uses is moved to Kept.
func (p *Pruner) Apply(ctx context.Context, plan *Plan) error {
	e, err := p.session.Engine(ctx)
	if err != nil {
		return err
	}
	plan.Removed = true
	images := plan.Images
	plan.Images = []prune.Image{}
	for _, i := range images {
		removed, err := prune.Remove(ctx, e, i.Ref)
		if err != nil {
			return err
		}
		if !removed {
			plan.Bytes -= i.Size
			plan.keep("image %s, because a container uses it", i.Ref)
			continue
		}
		plan.Images = append(plan.Images, i)
	}
	for _, f := range plan.Folders {
		if err := p.removeFolder(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) keep(format string, args ...any) {
	p.Kept = append(p.Kept, fmt.Sprintf(format, args...))
}

func clustersDir(w *deploy.Workspace) string { return filepath.Join(w.StateDir, "clusters") }
