package prune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
)

// Folder is the state of a cluster that no longer exists.
type Folder struct {
	Path  string `json:"path"`
	Owner string `json:"owner"` // "<project>/<environment>"
	Size  int64  `json:"size"`
	Data  bool   `json:"data"` // has data of volumes
}

// findFolders returns the folders that name this project as their owner, of clusters
// that neither the engine nor the configuration has.
func (p *Pruner) findFolders(ctx context.Context, clusters []prune.Cluster, plan *Plan) error {
	w := p.session.Workspace
	entries, err := os.ReadDir(clustersDir(w))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Environment, fmt.Errorf("read the state of clusters: %w", err), "")
	}
	for _, entry := range entries {
		f := Folder{Path: filepath.Join(clustersDir(w), entry.Name())}
		owner, err := files.Read(filepath.Join(f.Path, "owned-by"), 4<<10)
		f.Owner = strings.TrimSpace(string(owner))
		exists := slices.ContainsFunc(clusters, func(c prune.Cluster) bool { return c.Name == entry.Name() })
		if err != nil || exists || !strings.HasPrefix(f.Owner, w.Config.Name+"/") || configured(w, entry.Name()) || p.isBusy(ctx, f.Path) {
			continue
		}
		f.Size = treeSize(f.Path)
		volumes, err := os.ReadDir(filepath.Join(f.Path, "volumes"))
		if f.Data = err != nil && !errors.Is(err, fs.ErrNotExist) || len(volumes) > 0; f.Data && !p.volumes {
			plan.keep("%s, because it has data of volumes (--volumes removes it)", f.Path)
			continue
		}
		plan.Folders = append(plan.Folders, f)
	}
	return nil
}

func configured(w *deploy.Workspace, cluster string) bool {
	for _, env := range w.Config.Environments {
		if env.Cluster.Kind != nil && env.Cluster.Kind.Name == cluster {
			return true
		}
	}
	return false
}

// isBusy reports whether the cluster may exist although the engine has no such nodes: it
// is just created, or in another engine.
func (p *Pruner) isBusy(ctx context.Context, dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return true
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || p.now().Sub(info.ModTime()) < prune.Recent {
			return true
		}
	}
	text, err := files.Read(filepath.Join(dir, "kubeconfig"), files.ConfigLimit)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return false
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", server.Host)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// treeSize counts what can be read.
func treeSize(dir string) int64 {
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// removeFolder deletes the folder like `tkdeploy down --volumes`, which checks its owner
// again.
func (p *Pruner) removeFolder(ctx context.Context, f Folder) error {
	return clusterOf(p.session.Workspace, filepath.Base(f.Path), f.Path, f.Owner).Delete(ctx, true, event.Discard)
}

// clusterOf returns another cluster of the workspace's engine.
func clusterOf(w *deploy.Workspace, name, stateDir, owner string) *cluster.Cluster {
	c := *w.Cluster
	c.Name, c.StateDir = name, stateDir
	c.Project, c.Env, _ = strings.Cut(owner, "/")
	return &c
}
