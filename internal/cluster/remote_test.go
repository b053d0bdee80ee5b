package cluster

import (
	"errors"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func newRemoteCluster(t *testing.T, docker *fakeDocker, kind *fakeKind, objects ...runtime.Object) *Cluster {
	t.Helper()
	c := newCluster(t, docker, kind, objects...)
	c.Machine = "docker"
	docker.ownerDir = ""
	return c
}

// ownNode returns a node as it is after a create.
func ownNode(t *testing.T, c *Cluster) container {
	t.Helper()
	n := node(ownMount, true)
	var err error
	if n.Mounts[0].Source, err = c.ownerDir(); err != nil || n.Mounts[0].Source == "" {
		t.Fatalf("got owner %q, %v, want one", n.Mounts[0].Source, err)
	}
	return n
}

func TestCluster_remote(t *testing.T) {
	t.Parallel()
	t.Run("publishes ports on the engine's machine and keeps data there", func(t *testing.T) {
		t.Parallel()
		docker, kind := &fakeDocker{}, &fakeKind{}
		c := newRemoteCluster(t, docker, kind)
		c = newRemoteCluster(t, docker, kind, healthyObjects(c)[1:]...)
		kind.create = func() error { docker.add(ownNode(t, c)); return nil }
		var events []event.Event
		if err := c.Ensure(t.Context(), collect(&events)); err != nil {
			t.Fatal(err)
		}
		control, network := kind.config.Nodes[0], kind.config.Networking
		if network.APIServerAddress != "0.0.0.0" || network.APIServerPort != -1 || control.ExtraPortMappings[0].ListenAddress != "0.0.0.0" {
			t.Errorf("got %+v and %+v, want 0.0.0.0 and a port of the engine's choice", network, control.ExtraPortMappings)
		}
		volumes, _ := strings.CutSuffix(control.ExtraMounts[1].HostPath, "/volumes")
		if data, err := remote.ReadData(c.StateDir); err != nil || volumes != data || !strings.HasPrefix(data, "/var/lib/docker/tkdeploy/shop-dev-") {
			t.Errorf("got volumes in %s, data in %s, %v", volumes, data, err)
		}
		if !strings.Contains(messages(events), "the ports of cluster shop-dev are open on all addresses of docker") {
			t.Errorf("got %s, want a warning", messages(events))
		}
		if _, err := os.Stat(c.volumesDir()); !os.IsNotExist(err) {
			t.Errorf("got %v, want no volumes on this machine", err)
		}
		config, err := c.RESTConfig()
		if err != nil || config.Host != "https://docker:6443" || config.ServerName != "localhost" {
			t.Errorf("got %+v, %v, want https://docker:6443 with the server name localhost", config, err)
		}
		if status, err := c.Observe(t.Context()); err != nil || status.Phase != Running {
			t.Errorf("got %+v, %v, want %s", status, err, Running)
		}
	})
	t.Run("rejects a kubeconfig of this machine", func(t *testing.T) {
		t.Parallel()
		c := newRemoteCluster(t, &fakeDocker{}, &fakeKind{})
		if _, err := c.RESTConfig(); fault.ClassOf(err) != fault.NotOwned || !strings.Contains(err.Error(), "not on the engine's machine docker") {
			t.Errorf("got %v of class %q", err, fault.ClassOf(err))
		}
	})
	t.Run("distinguishes owners with the same paths on two machines", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{}
		mine, theirs := newRemoteCluster(t, docker, &fakeKind{}), newRemoteCluster(t, docker, &fakeKind{})
		for _, c := range []*Cluster{mine, theirs} {
			if _, err := c.claimRemoteData(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		docker.add(ownNode(t, theirs))
		if err := mine.CheckOwnership(t.Context()); fault.ClassOf(err) != fault.NotOwned {
			t.Errorf("got %v of class %q, want %q", err, fault.ClassOf(err), fault.NotOwned)
		}
		if err := mine.Delete(t.Context(), true, event.Discard); fault.ClassOf(err) != fault.NotOwned || len(docker.changed()) > 0 {
			t.Errorf("got %v and changes %v, want none", err, docker.changed())
		}
		if err := theirs.CheckOwnership(t.Context()); err != nil {
			t.Errorf("got %v, want the owner", err)
		}
	})
	t.Run("reports a port that a container uses", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{containers: []container{node("/somewhere", true)}}
		c := newRemoteCluster(t, docker, &fakeKind{})
		if err := c.checkPorts(t.Context()); fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "by container shop-dev-control-plane: on docker") {
			t.Errorf("got %v of class %q", err, fault.ClassOf(err))
		}
	})
}

func TestCluster_Delete_remote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		volumes bool
		missing bool // the directory on the engine's machine
		want    string
	}{
		"keeps the data and its record":          {},
		"deletes the data":                       {volumes: true, want: "run find"},
		"ignores data that was never written to": {volumes: true, missing: true, want: "run find"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{}
			c := newRemoteCluster(t, docker, &fakeKind{})
			data, err := c.claimRemoteData(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			docker.add(ownNode(t, c))
			got := ""
			docker.fail = func(args []string) error {
				if args[0] != "run" {
					return nil
				}
				line := strings.Join(args, " ")
				if strings.Contains(line, "source=/var/lib/docker/tkdeploy,target=/volumes") && strings.HasSuffix(line, "/volumes/"+strings.TrimPrefix(data, "/var/lib/docker/tkdeploy/")+"* -delete") {
					got += "run find"
				}
				if test.missing {
					return errors.New("docker run: invalid mount config for type \"bind\": bind source path does not exist: /var/lib/docker/tkdeploy")
				}
				return nil
			}
			if err := c.Delete(t.Context(), test.volumes, event.Discard); err != nil || got != test.want || len(docker.containers) > 0 {
				t.Errorf("got %v, %q, %d containers, want %q and none", err, got, len(docker.containers), test.want)
			}
			if c.HasVolumes() == test.volumes {
				t.Errorf("got HasVolumes %t, want %t", c.HasVolumes(), !test.volumes)
			}
		})
	}
}
