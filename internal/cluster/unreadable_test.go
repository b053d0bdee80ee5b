package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

func TestCluster_unreadable(t *testing.T) {
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	environment := func(err error) error {
		if fault.ClassOf(err) != fault.Environment {
			t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Environment)
		}
		return err
	}
	merge := func() error { _, err := c.MergeKubeconfig(); return environment(err) }
	user := filepath.Join(t.TempDir(), "config")
	t.Setenv("KUBECONFIG", user+":"+filepath.Join(t.TempDir(), "absent"))
	filestest.CheckRefused(t, user, merge)
	filestest.CheckRefused(t, c.Kubeconfig(), merge)
	filestest.CheckRefused(t, c.Kubeconfig(), func() error { _, err := c.RESTConfig(); return environment(err) })
}

func TestCluster_Ensure_replacesLinks(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, c *Cluster) (diary string) {
		t.Helper()
		diary = filepath.Join(t.TempDir(), "diary")
		if err := errors.Join(os.WriteFile(diary, []byte("kept"), 0o600), os.Remove(c.Kubeconfig()), os.Symlink(diary, c.Kubeconfig())); err != nil {
			t.Fatal(err)
		}
		return diary
	}
	check := func(t *testing.T, c *Cluster, diary string) {
		t.Helper()
		if err := c.Ensure(t.Context(), event.Discard); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(diary); string(text) != "kept" {
			t.Errorf("got %q, %v in the target, want no change", text, err)
		}
		if info, err := os.Lstat(c.Kubeconfig()); err != nil || info.Mode() != 0o600 {
			t.Errorf("got kubeconfig %v, %v, want a file of mode 0600", info, err)
		}
	}
	t.Run("before kind writes the kubeconfig of a new cluster", func(t *testing.T) {
		t.Parallel()
		c, docker := newAbsentCluster(t)
		c.provider = newProvider(&fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			if _, err := os.Lstat(c.Kubeconfig()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v during kind's create, want no file", err)
			}
			return nil
		}})
		check(t, c, link(t, c))
	})
	t.Run("when it starts a cluster", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{containers: []container{node(ownMount, false)}}
		c := newCluster(t, docker, &fakeKind{})
		c = newCluster(t, docker, &fakeKind{}, healthyObjects(c)...)
		check(t, c, link(t, c))
	})
}
