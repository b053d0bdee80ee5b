package prune

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
)

const configuration = `apiVersion: tkdeploy.dev/v1
name: shop
images:
  db: {ref: "postgres:17"}
chart: {path: chart, release: shop, namespace: shop}
verify: {image: {ref: "probe:1"}}
environments:
  dev: {cluster: {kind: {name: shop-dev, image: {ref: "kindest/node:v1.37.0"}}}}
`

// fixture is a project, its engine and its state directory.
type fixture struct {
	engine *enginetest.Fake
	pruner *Pruner
	state  string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	state, dir := t.TempDir(), t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH")) // docker, which finds no containers
	enginetest.WriteFiles(t, dir, map[string]string{"tkdeploy.yaml": configuration, "docker": "#!/bin/sh\n", "chart/Chart.yaml": "name: shop\n"})
	enginetest.NoError(t, os.Chmod(filepath.Join(dir, "docker"), 0o755))
	cfg, err := config.Load(filepath.Join(dir, "tkdeploy.yaml"))
	enginetest.NoError(t, err)
	w, err := deploy.NewWorkspace(cfg, "dev", deploy.Command{Name: "prune"}, engine.Options{})
	enginetest.NoError(t, err)
	f := &fixture{engine: enginetest.New(t), state: filepath.Join(state, "tkdeploy", "clusters")}
	f.engine.APIVersion = "1.44"
	f.pruner = New(deploy.NewSessionWithEngine(w, func(ctx context.Context) (*engine.Engine, error) {
		return engine.Connect(ctx, engine.Options{Getenv: f.engine.Getenv, ConfigDir: t.TempDir()})
	}), false)
	f.pruner.used = func(_ context.Context, _ *deploy.Session, c prune.Cluster) ([]string, error) {
		t.Errorf("read cluster %s", c.Name)
		return nil, nil
	}
	return f
}

func (f *fixture) addImage(t *testing.T, project string, n int) string {
	t.Helper()
	tag := fmt.Sprintf("%012x", n)
	f.engine.AddBuilt(t, "web:"+tag, map[string]string{inputs.LabelProject: project, inputs.LabelName: "web", inputs.LabelInputs: tag})
	return "web:" + tag
}

func (f *fixture) addCluster(name, owner string) {
	f.engine.AddContainer(map[string]string{"io.x-k8s.kind.cluster": name}, filepath.Join(f.state, name, "owner"), "/etc/tkdeploy/"+owner)
}

func (f *fixture) find(t *testing.T) *Plan {
	t.Helper()
	plan, err := f.pruner.Find(t.Context())
	enginetest.NoError(t, err)
	return plan
}

func refs(plan *Plan) []string {
	all := []string{}
	for _, i := range plan.Images {
		all = append(all, i.Ref)
	}
	return all
}

func TestPruner_Find_images(t *testing.T) {
	t.Run("keeps the images of all revisions and of other projects", func(t *testing.T) {
		f := newFixture(t)
		unused, first, second := f.addImage(t, "shop", 1), f.addImage(t, "shop", 2), f.addImage(t, "shop", 3)
		f.addImage(t, "blog", 4)
		f.addCluster("shop-dev", "shop/dev")
		f.addCluster("shop-branch", "shop/other")
		f.addCluster("blog-dev", "blog/dev")
		f.pruner.used = func(_ context.Context, _ *deploy.Session, c prune.Cluster) ([]string, error) {
			return map[string][]string{"shop-dev": {"docker.io/library/" + first}, "shop-branch": {second}}[c.Name], nil
		}
		plan := f.find(t)
		if diff := cmp.Diff([]string{unused}, refs(plan)); diff != "" || plan.Bytes != 100 || len(plan.Kept) > 0 {
			t.Errorf("got %+v, want only the unused image", plan)
		}
		if len(f.engine.Lists.Removed) > 0 {
			t.Errorf("got removed images %v after Find", f.engine.Lists.Removed)
		}
	})

	t.Run("keeps all images if a cluster cannot be read", func(t *testing.T) {
		f := newFixture(t)
		f.addImage(t, "shop", 1)
		f.addCluster("shop-dev", "shop/dev")
		f.pruner.used = func(context.Context, *deploy.Session, prune.Cluster) ([]string, error) {
			return nil, errors.New("connection refused")
		}
		plan := f.find(t)
		want := "all images, because the revisions of cluster shop-dev (environment dev) cannot be read: connection refused"
		if len(plan.Images) > 0 || !slices.Equal(plan.Kept, []string{want}) {
			t.Errorf("got %+v, want all images kept", plan)
		}
	})

	t.Run("keeps all images if the kubeconfig of a cluster is missing", func(t *testing.T) {
		f := newFixture(t)
		f.addImage(t, "shop", 1)
		f.addCluster("shop-dev", "shop/dev")
		f.pruner.used = usedImages
		plan := f.find(t)
		if len(plan.Images) > 0 || len(plan.Kept) != 1 || !strings.Contains(plan.Kept[0], "no kubeconfig") {
			t.Errorf("got %+v, want all images kept", plan)
		}
	})
}

func TestPruner_Apply(t *testing.T) {
	f := newFixture(t)
	unused, inUse := f.addImage(t, "shop", 1), f.addImage(t, "shop", 2)
	f.engine.Lists.InUse = []string{inUse}
	plan := f.find(t)
	enginetest.NoError(t, f.pruner.Apply(t.Context(), plan))
	if !slices.Equal(f.engine.Lists.Removed, []string{unused}) || !slices.Equal(refs(plan), []string{unused}) || plan.Bytes != 100 || !plan.Removed {
		t.Errorf("got %+v and removed %v, want only the unused image", plan, f.engine.Lists.Removed)
	}
	if want := "image " + inUse + ", because a container uses it"; !slices.Equal(plan.Kept, []string{want}) {
		t.Errorf("got kept %q, want %q", plan.Kept, want)
	}
}

func TestPruner_folders(t *testing.T) {
	f := newFixture(t)
	for name, files := range map[string]map[string]string{
		"gone":      {"owned-by": "shop/old\n", "secrets/x": "12345"},
		"with-data": {"owned-by": "shop/old\n", "volumes/shop/pvc/data": "1"},
		"other":     {"owned-by": "shopping/dev\n"},
		"unknown":   {"kubeconfig": "x"},
		"shop-dev":  {"owned-by": "shop/dev\n"},
		"existing":  {"owned-by": "shop/other\n"},
		"new":       {"owned-by": "shop/branch\n"},
	} {
		dir := filepath.Join(f.state, name)
		enginetest.WriteFiles(t, dir, files)
		if name == "new" {
			continue
		}
		old := time.Now().Add(-time.Hour)
		entries, err := os.ReadDir(dir)
		enginetest.NoError(t, err)
		for _, entry := range entries {
			enginetest.NoError(t, os.Chtimes(filepath.Join(dir, entry.Name()), old, old))
		}
	}
	f.addCluster("existing", "blog/dev")
	plan := f.find(t)
	gone := Folder{Path: filepath.Join(f.state, "gone"), Owner: "shop/old", Size: 14}
	if diff := cmp.Diff([]Folder{gone}, plan.Folders); diff != "" || len(plan.Kept) != 1 || !strings.Contains(plan.Kept[0], "with-data, because it has data of volumes") {
		t.Errorf("got kept %q and a difference (-want +got):\n%s", plan.Kept, diff)
	}
	f.pruner.volumes = true
	plan = f.find(t)
	if len(plan.Folders) != 2 || !plan.Folders[1].Data {
		t.Errorf("got %+v with volumes, want two folders", plan.Folders)
	}
	enginetest.NoError(t, f.pruner.Apply(t.Context(), plan))
	entries, err := os.ReadDir(f.state)
	enginetest.NoError(t, err)
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{"existing", "new", "other", "shop-dev", "unknown"}; !slices.Equal(left, want) {
		t.Errorf("got %v after Apply, want %v", left, want)
	}
}
