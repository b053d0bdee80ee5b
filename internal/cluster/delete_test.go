package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
