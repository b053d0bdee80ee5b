package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Containers of a killed create keep running, and the node may become ready. Ensure
// must not wait for such a cluster, which lacks storage and its marker.
func TestCluster_Ensure_interrupted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		running bool
		objects func(*Cluster) []runtime.Object
	}{
		"with a ready node":          {true, healthyObjects},
		"with a node not yet ready":  {true, nil},
		"with a stopped node":        {false, nil},
		"with the marker in cluster": {false, healthyObjects},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node(ownMount, test.running)}}
			c := newCluster(t, docker, &fakeKind{})
			if test.objects != nil {
				c = newCluster(t, docker, &fakeKind{}, test.objects(c)...)
			}
			created := errors.New("created again")
			c.provider = newProvider(&fakeKind{create: func() error { return created }})
			if err := c.markCreating(); err != nil {
				t.Fatal(err)
			}
			if err := c.Ensure(t.Context(), event.Discard); !errors.Is(err, created) {
				t.Errorf("got %v, want %v", err, created)
			}
			if changes := docker.changed(); len(changes) == 0 || changes[0] != "rm" {
				t.Errorf("got changes %v, want rm first", changes)
			}
		})
	}
}

// newAbsentCluster returns a cluster without containers, whose API server lacks the
// marker.
func newAbsentCluster(t *testing.T) (*Cluster, *fakeDocker) {
	t.Helper()
	docker := &fakeDocker{}
	c := newCluster(t, docker, &fakeKind{})
	c = newCluster(t, docker, &fakeKind{}, healthyObjects(c)[1:]...)
	c.now = func() time.Time { return startTime }
	return c, docker
}

func TestCluster_Ensure(t *testing.T) {
	t.Parallel()
	t.Run("marks a cluster only after a complete create", func(t *testing.T) {
		t.Parallel()
		c, docker := newAbsentCluster(t)
		duringCreate := false
		c.provider = newProvider(&fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			duringCreate = c.isCreating()
			return nil
		}})
		if err := c.Ensure(t.Context(), event.Discard); err != nil {
			t.Fatal(err)
		}
		if !duringCreate || c.isCreating() {
			t.Errorf("isCreating: got %t during create and %t after it, want true and false", duringCreate, c.isCreating())
		}
		if status, err := c.Observe(t.Context()); err != nil || status.Phase != Running {
			t.Errorf("got %+v, %v, want phase %s", status, err, Running)
		}
	})

	t.Run("reports the milestones of a create", func(t *testing.T) {
		t.Parallel()
		c, docker := newAbsentCluster(t)
		nodesRunning := make(chan struct{})
		c.provider = func(r event.Reporter) provider {
			return &fakeKind{create: func() error {
				docker.add(node(ownMount, true))
				log := logger{r}.Info
				log(" • Preparing nodes 📦  ...\n")
				log(" ✓ Preparing nodes 📦\n")
				<-nodesRunning
				log(" • Starting control-plane 🕹️ ...\n")
				log(" ✓ Starting control-plane 🕹️\n")
				return nil
			}}
		}
		var seen []string
		if err := c.Ensure(t.Context(), event.ReporterFunc(func(e event.Event) {
			seen = append(seen, e.Message+e.Milestone)
			if e.Milestone == NodesRunning {
				close(nodesRunning)
			}
			if e.Milestone == APIReady && c.isCreating() {
				t.Error("APIReady is reported before the cluster is marked as complete")
			}
		})); err != nil {
			t.Fatal(err)
		}
		want := "Preparing nodes; nodes; Starting control-plane; api; waiting for nodes; cluster created"
		if got := strings.Join(seen, "; "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})

	t.Run("starts a stopped cluster without recreating it", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{containers: []container{node(ownMount, false)}}
		provider := &fakeKind{create: func() error { return errors.New("created again") }}
		c := newCluster(t, docker, provider)
		c = newCluster(t, docker, provider, healthyObjects(c)...)
		var events []event.Event
		if err := c.Ensure(t.Context(), collect(&events)); err != nil {
			t.Fatal(err)
		}
		if changes := docker.changed(); strings.Join(changes, " ") != "start exec" {
			t.Errorf("got changes %v, want start exec", changes)
		}
		if last := events[len(events)-1]; last.Mutations != 1 || !strings.Contains(last.Message, "started, with its data") {
			t.Errorf("got events %q, want a last one with 1 mutation", messages(events))
		}
	})

	t.Run("removes all nodes when canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		docker := &fakeDocker{}
		returned := false
		provider := &fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			cancel()
			for len(docker.changed()) == 0 { // kind fails once its node is removed
				time.Sleep(time.Millisecond)
			}
			docker.add(node(ownMount, true)) // kind was just creating a node
			returned = true
			return errors.New("no such container")
		}}
		c := newCluster(t, docker, provider)
		if err := c.Ensure(ctx, event.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if len(docker.containers) > 0 || !returned {
			t.Errorf("got %d containers, kind returned: %t, want 0, true", len(docker.containers), returned)
		}
	})

	t.Run("keeps the logs of a failed create", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{}
		provider := &fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			return errors.New("kubeadm init failed")
		}}
		c := newCluster(t, docker, provider)
		err := c.Ensure(t.Context(), event.Discard)
		if fault.ClassOf(err) != fault.Cluster || !strings.Contains(err.Error(), "kubeadm init failed") {
			t.Errorf("got %v of class %q, want kubeadm init failed of class %q", err, fault.ClassOf(err), fault.Cluster)
		}
		if c.FailedCreateLogs() != provider.logsDir {
			t.Errorf("FailedCreateLogs: got %q, want %q", c.FailedCreateLogs(), provider.logsDir)
		}
		if !strings.Contains(fault.HintOf(err), provider.logsDir) || provider.logsDir == "" || len(docker.containers) > 0 {
			t.Errorf("got hint %q and %d containers, want a hint with %q and 0", fault.HintOf(err), len(docker.containers), provider.logsDir)
		}
	})

	t.Run("keeps the logs that kind could collect", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{}
		provider := &fakeKind{logsErr: errors.New("[command \"docker exec shop-dev-control-plane crictl images\" failed with error: exit status 126]")}
		provider.create = func() error {
			docker.add(node(ownMount, true))
			return errors.New("kubeadm init failed")
		}
		c := newCluster(t, docker, provider)
		err := c.Ensure(t.Context(), event.Discard)
		want := "see the node logs in " + c.logsDir() + "; not collected: " + provider.logsErr.Error()
		if fault.HintOf(err) != want || c.FailedCreateLogs() != c.logsDir() {
			t.Errorf("got hint %q, logs in %q\nwant %q, logs in %q", fault.HintOf(err), c.FailedCreateLogs(), want, c.logsDir())
		}
	})

	// Another program may create nodes of this name at any time.
	for name, failure := range map[string]error{
		"found by kind":       errors.New(`node(s) already exist for a cluster with the name "shop-dev"`),
		"found by the engine": &kindrun.Error{Output: []byte("docker: Error response from daemon: Conflict. The container name \"/shop-dev-control-plane\" is already in use by container 0a1b.\n")},
	} {
		t.Run("removes nothing of a cluster that appears during the create, "+name, func(t *testing.T) {
			t.Parallel()
			for _, mount := range []string{"/somewhere", ownMount} {
				docker := &fakeDocker{}
				provider := &fakeKind{create: func() error {
					docker.add(node(mount, true))
					return failure
				}}
				c := newCluster(t, docker, provider)
				err := c.Ensure(t.Context(), event.Discard)
				if fault.ClassOf(err) != fault.NotOwned || !strings.Contains(err.Error(), "another program created it at the same time") {
					t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.NotOwned)
				}
				if len(docker.changed()) > 0 || len(docker.containers) != 1 || provider.logsDir != "" || c.isCreating() {
					t.Errorf("got changes %v, %d containers, logs in %q, isCreating %t, want no change, 1 container, no logs, false",
						docker.changed(), len(docker.containers), provider.logsDir, c.isCreating())
				}
			}
		})
	}

	t.Run("removes only its own nodes after a failed create", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{}
		c := newCluster(t, docker, &fakeKind{create: func() error {
			other := node("/somewhere", true)
			other.Name = "shop-dev-worker"
			docker.add(node(ownMount, true))
			docker.add(other)
			return errors.New("kubeadm init failed")
		}})
		if err := c.Ensure(t.Context(), event.Discard); fault.ClassOf(err) != fault.Cluster {
			t.Errorf("got %v, want class %q", err, fault.Cluster)
		}
		if len(docker.containers) != 1 || docker.containers[0].Name != "shop-dev-worker" {
			t.Errorf("got containers %v, want only the other one", docker.containers)
		}
	})

	t.Run("creates nothing if a port is in use", func(t *testing.T) {
		t.Parallel()
		var listen net.ListenConfig
		l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		c := newCluster(t, &fakeDocker{}, &fakeKind{create: func() error { return errors.New("created") }})
		c.Ports = []Port{{int32(port), 30400}}
		err = c.Ensure(t.Context(), event.Discard)
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), fmt.Sprintf("host port %d is in use", port)) {
			t.Errorf("got %v of class %q, want host port %d is in use, of class %q", err, fault.ClassOf(err), port, fault.Environment)
		}
	})
}

func TestCluster_Ensure_canceled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   error // result of kind's create
		inKind bool  // canceled before kind returns
	}{
		"while waiting for nodes":          {},
		"by a signal that also stops kind": {kind: errors.New("signal: interrupt"), inKind: true},
		"just before kind succeeds":        {inKind: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			docker := &fakeDocker{}
			c := newCluster(t, docker, &fakeKind{create: func() error {
				docker.add(node(ownMount, true))
				if test.inKind {
					cancel()
				}
				return test.kind
			}})
			connect := c.client
			c.client = func(config *rest.Config) (kubernetes.Interface, error) {
				cancel()
				return connect(config)
			}
			if err := c.Ensure(ctx, event.Discard); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			if len(docker.containers) > 0 {
				t.Errorf("got %d containers, want 0", len(docker.containers))
			}
		})
	}
}
