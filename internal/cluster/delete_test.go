package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func TestCluster_Delete(t *testing.T) {
	t.Parallel()
	for _, volumes := range []bool{false, true} {
		t.Run(fmt.Sprintf("volumes %t", volumes), func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node(ownMount, true)}, networks: []string{"kind"}}
			c := newCluster(t, docker, &fakeKind{})
			data := filepath.Join(c.volumesDir(), "shop", "data-postgres-0")
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.Delete(t.Context(), volumes, event.Discard); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(data); (err == nil) == volumes {
				t.Errorf("data exists: got %t, want %t", err == nil, !volumes)
			}
			if _, err := os.Stat(c.Kubeconfig()); err == nil {
				t.Error("kubeconfig of the deleted cluster still exists")
			}
			if len(docker.containers) > 0 || len(docker.networks) > 0 {
				t.Errorf("got %d containers, networks %q, want none", len(docker.containers), docker.networks)
			}
		})
	}
}

func TestCluster_runFind(t *testing.T) {
	t.Parallel()
	docker := &fakeDocker{}
	c := newCluster(t, docker, &fakeKind{})
	c.StateDir = `/state/a:b,"c"` // not valid with --volume
	var tried []string
	docker.fail = func(args []string) error {
		if args[0] != "run" {
			return nil
		}
		tried = append(tried, args[len(args)-5])
		mount := args[slices.Index(args, "--mount")+1]
		if want := `type=bind,"source=/state/a:b,""c""/volumes",target=/volumes`; mount != want {
			t.Errorf("got mount %s, want %s", mount, want)
		}
		if len(tried) < 3 {
			return errors.New("no such image")
		}
		return nil
	}
	docker.images = []string{"sha256:1", "sha256:2"}
	if err := c.runFind(t.Context(), []string{c.Image}, c.volumesDir(), "-mindepth", "1", "-delete"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{c.Image, "sha256:1", "sha256:2"}, tried); diff != "" {
		t.Errorf("images -want +got:\n%s", diff)
	}
}
