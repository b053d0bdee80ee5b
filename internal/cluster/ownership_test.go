package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/cluster/secrets"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// newBlog returns the cluster of project blog with the name, engine and state
// directory of another one.
func newBlog(t *testing.T, shop *Cluster) *Cluster {
	t.Helper()
	spec := shop.Spec
	spec.Project, spec.Namespace = "blog", "blog"
	blog := New(spec, Limits{})
	blog.docker, blog.client = shop.docker, shop.client
	blog.provider = newProvider(&fakeKind{create: func() error { t.Error("got a call of kind's create"); return nil }})
	return blog
}

func writeData(t *testing.T, c *Cluster, namespace string) {
	t.Helper()
	for _, path := range []string{filepath.Join(c.volumesDir(), namespace, "data-postgres-0", "PG_VERSION"), filepath.Join(c.secretsDir(), namespace, "postgres.json")} {
		if err := writePrivate(path, []byte("17")); err != nil {
			t.Fatal(err)
		}
	}
}

// tree returns the files below dir with their content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

func TestCluster_ownership(t *testing.T) {
	t.Parallel()
	operations := map[string]func(context.Context, *Cluster) error{
		"Observe": func(ctx context.Context, c *Cluster) error {
			status, err := c.Observe(ctx)
			if status.Phase != NotOwned {
				return errors.Join(err, errors.New("phase "+string(status.Phase)))
			}
			return status.NotOwned
		},
		"CheckOwnership": func(ctx context.Context, c *Cluster) error { return c.CheckOwnership(ctx) },
		"Ensure":         func(ctx context.Context, c *Cluster) error { return c.Ensure(ctx, event.Discard) },
		"Delete":         func(ctx context.Context, c *Cluster) error { return c.Delete(ctx, false, event.Discard) },
		"Delete volumes": func(ctx context.Context, c *Cluster) error { return c.Delete(ctx, true, event.Discard) },
	}
	offline := map[string]func(context.Context, *Cluster) error{
		"CheckRecord":   func(_ context.Context, c *Cluster) error { return c.CheckRecord() },
		"MirrorSecrets": func(ctx context.Context, c *Cluster) error { return c.MirrorSecrets(ctx, "shop") },
		"RestoreSecrets": func(ctx context.Context, c *Cluster) error {
			return c.RestoreSecrets(ctx, secrets.Release{Namespace: "shop"})
		},
		"MergeKubeconfig": func(_ context.Context, c *Cluster) error { _, err := c.MergeKubeconfig(); return err },
	}
	for name, test := range map[string]struct {
		nodes    []container
		prepare  func(*testing.T, *Cluster)
		recorded bool   // the state directory names its owner
		want     string // error of blog
	}{
		"running cluster of another project": {
			nodes: []container{node(ownMount, true)},
			want:  "cluster shop-dev: belongs to shop/dev, not to blog/dev",
		},
		"stopped cluster of another project, with a record": {
			nodes:    []container{node(ownMount, false)},
			prepare:  func(t *testing.T, shop *Cluster) { _ = shop.claim() },
			recorded: true,
			want:     "cluster shop-dev: belongs to shop/dev, not to blog/dev",
		},
		"deleted cluster of another project": {
			prepare:  func(t *testing.T, shop *Cluster) { writeData(t, shop, "shop"); _ = shop.claim() },
			recorded: true,
			want:     "cluster shop-dev: belongs to shop/dev, not to blog/dev: its data is in ",
		},
		"deleted cluster of another project, without data": {
			prepare:  func(t *testing.T, shop *Cluster) { _ = shop.claim() },
			recorded: true,
			want:     "cluster shop-dev: belongs to shop/dev, not to blog/dev",
		},
		"data of another namespace, of a version without records": {
			prepare: func(t *testing.T, shop *Cluster) { writeData(t, shop, "shop") },
			want:    "cluster shop-dev: has data of an unknown owner, of namespace shop: ",
		},
		"own project in the state directory of another user": {
			nodes: []container{func() container {
				n := node("/etc/tkdeploy/blog/dev", true)
				n.Mounts[0].Source = "/home/ada/.local/state/tkdeploy/clusters/shop-dev/owner"
				return n
			}()},
			want: "cluster shop-dev: belongs to blog/dev of another user or state directory: its data is in /home/ada/.local/state/tkdeploy/clusters/shop-dev, not in ",
		},
		"cluster of kind": {
			nodes: []container{node("/somewhere", true)},
			want:  "cluster shop-dev: node shop-dev-control-plane was not created by tkdeploy for blog/dev",
		},
	} {
		run := func(operation string, do func(context.Context, *Cluster) error) {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				docker := &fakeDocker{containers: test.nodes}
				shop := newCluster(t, docker, &fakeKind{})
				if test.prepare != nil {
					test.prepare(t, shop)
				}
				before := tree(t, shop.StateDir)
				blog := newBlog(t, shop)
				err := do(t.Context(), blog)
				if fault.ClassOf(err) != fault.NotOwned || !strings.HasPrefix(err.Error(), test.want) || fault.HintOf(err) == "" {
					t.Errorf("got %v of class %q, want %s…, with a hint", err, fault.ClassOf(err), test.want)
				}
				if diff := cmp.Diff(before, tree(t, shop.StateDir)); diff != "" {
					t.Errorf("state directory (-before +after):\n%s", diff)
				}
				if changes := docker.changed(); len(changes) > 0 {
					t.Errorf("got changes of the engine %v, want none", changes)
				}
			})
		}
		for operation, do := range operations {
			run(operation, do)
		}
		if test.recorded {
			for operation, do := range offline {
				run(operation, do)
			}
		}
	}
}

func TestCluster_record(t *testing.T) {
	t.Parallel()
	t.Run("names the owner from a create until the data is deleted", func(t *testing.T) {
		t.Parallel()
		c, docker := newAbsentCluster(t)
		c.provider = newProvider(&fakeKind{create: func() error {
			if owner, err := c.recordedOwner(); owner != "shop/dev" || err != nil {
				t.Errorf("got owner %q, %v during the create, want shop/dev", owner, err)
			}
			docker.add(node(ownMount, true))
			return nil
		}})
		if err := errors.Join(c.Ensure(t.Context(), event.Discard), c.Delete(t.Context(), false, event.Discard)); err != nil {
			t.Fatal(err)
		}
		if owner, err := c.recordedOwner(); owner != "shop/dev" || err != nil {
			t.Errorf("got owner %q, %v with the data kept, want shop/dev", owner, err)
		}
		if err := c.Delete(t.Context(), true, event.Discard); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(c.StateDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v for the state directory, want none", err)
		}
		if err := newBlog(t, c).CheckOwnership(t.Context()); err != nil {
			t.Errorf("got %v for another project, want a free name", err)
		}
	})

	for name, nodes := range map[string][]container{"of a deleted cluster": nil, "of a running cluster": {node(ownMount, true)}} {
		t.Run("is added to the data "+name+" of a version without records", func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, &fakeDocker{containers: nodes}, &fakeKind{})
			if nodes != nil {
				c.Namespace = "other" // the nodes prove the owner
			}
			writeData(t, c, "shop")
			want := tree(t, c.StateDir)
			if err := c.Delete(t.Context(), false, event.Discard); err != nil {
				t.Fatal(err)
			}
			delete(want, "/kubeconfig")
			want["/owned-by"] = "shop/dev\n"
			if diff := cmp.Diff(want, tree(t, c.StateDir)); diff != "" {
				t.Errorf("state directory (-want +got):\n%s", diff)
			}
		})
	}

	t.Run("is not written for a cluster that never existed", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		if err := os.RemoveAll(c.StateDir); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), false, event.Discard); err != nil || len(tree(t, c.StateDir)) > 0 {
			t.Errorf("got %v and files %v, want none", err, tree(t, c.StateDir))
		}
	})

	t.Run("that cannot be read blocks everything", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		writeData(t, c, "shop")
		if err := os.Mkdir(c.ownerFile(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), true, event.Discard); fault.ClassOf(err) != fault.Environment || len(tree(t, c.volumesDir())) == 0 {
			t.Errorf("got %v, files %v, want class %q and the data", err, tree(t, c.volumesDir()), fault.Environment)
		}
	})
}

func TestIsSameDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reported, local string
		want            bool
	}{
		{"/a/owner", "/a/owner", true},
		{"/host_mnt/a/owner", "/a/owner", true},
		{"/host_mnt" + dir, link, true},
		{"/home/ada/a/owner", "/a/owner", false},
		{"/b/owner", "/a/owner", false},
		{dir, link, true},
	} {
		if got := isSameDir(test.reported, test.local); got != test.want {
			t.Errorf("%s and %s: got %t, want %t", test.reported, test.local, got, test.want)
		}
	}
}

// A cluster of a version without records gets one before its data is saved, also if the
// operation is then interrupted.
func TestCluster_claim(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*Cluster) error{
		"PrepareDelete":          func(c *Cluster) error { return c.PrepareDelete(t.Context(), KeepData, event.Discard) },
		"PrepareDelete by force": func(c *Cluster) error { return c.PrepareDelete(t.Context(), KeepForce, event.Discard) },
		"Ensure":                 func(c *Cluster) error { return c.Ensure(t.Context(), event.Discard) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newDatabaseCluster(t, name != "Ensure")
			if err := do(c.Cluster); err != nil {
				t.Fatal(err)
			}
			if owner, err := c.recordedOwner(); owner != "shop/dev" || err != nil {
				t.Errorf("got owner %q, %v, want shop/dev", owner, err)
			}
		})
	}
}
