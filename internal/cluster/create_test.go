package cluster

import (
	context "context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A create that was killed goes on for a while in its containers: kubeadm brings
// the API server up, and even all that the node needs may be there. An up that
// took this for a cluster on its way ended well, and left one without storage and
// without its mark.
func TestCluster_Ensure_interrupted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		running bool
		objects func(*Cluster) []runtime.Object
	}{
		"its node was ready":    {true, healthyObjects},
		"its node was not":      {true, nil},
		"its node was stopped":  {false, nil},
		"its mark was in place": {false, healthyObjects},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node(ownMount, test.running)}}
			c := newCluster(t, docker, &fakeKind{})
			if test.objects != nil {
				c = newCluster(t, docker, &fakeKind{}, test.objects(c)...)
			}
			created := errors.New("created anew")
			c.provider = newProvider(&fakeKind{create: func() error { return created }})
			if err := c.markCreating(); err != nil {
				t.Fatal(err)
			}
			if err := c.Ensure(t.Context(), event.Discard); !errors.Is(err, created) {
				t.Errorf("got %v", err)
			}
			if changes := docker.changed(); len(changes) == 0 || changes[0] != "rm" {
				t.Errorf("changed %v", changes)
			}
		})
	}
}

// creatable is a cluster that is absent and, once it has nodes, all there but
// for its marker.
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
		begunMeanwhile := false
		c.provider = newProvider(&fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			begunMeanwhile = c.isCreating()
			return nil
		}})
		if err := c.Ensure(t.Context(), event.Discard); err != nil {
			t.Fatal(err)
		}
		if !begunMeanwhile || c.isCreating() {
			t.Errorf("begun while kind worked: %t, and afterwards: %t", begunMeanwhile, c.isCreating())
		}
		if status, err := c.Observe(t.Context()); err != nil || status.Phase != Running {
			t.Errorf("got %+v, %v", status, err)
		}
	})

	// What may begin before the cluster is whole begins at these.
	t.Run("reports the milestones of a create", func(t *testing.T) {
		t.Parallel()
		c, docker := newAbsentCluster(t)
		nodesUp := make(chan struct{})
		c.provider = func(r event.Reporter) provider {
			return &fakeKind{create: func() error {
				docker.add(node(ownMount, true))
				says := logger{r}.V(0).Info
				says(" • Preparing nodes 📦  ...\n")
				says(" ✓ Preparing nodes 📦\n")
				<-nodesUp
				says(" • Starting control-plane 🕹️ ...\n")
				says(" ✓ Starting control-plane 🕹️\n")
				return nil
			}}
		}
		var seen []string
		if err := c.Ensure(t.Context(), event.ReporterFunc(func(e event.Event) {
			seen = append(seen, e.Message+e.Milestone)
			if e.Milestone == NodesRunning {
				close(nodesUp)
			}
			if e.Milestone == APIReady && c.isCreating() {
				t.Error("the API is told to be up before the cluster has its mark")
			}
		})); err != nil {
			t.Fatal(err)
		}
		want := "Preparing nodes; nodes; Starting control-plane; api; waiting for the node; cluster created"
		if got := strings.Join(seen, "; "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})

	t.Run("starts a stopped cluster without recreating it", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{containers: []container{node(ownMount, false)}}
		provider := &fakeKind{create: func() error { return errors.New("created anew") }}
		c := newCluster(t, docker, provider)
		c = newCluster(t, docker, provider, healthyObjects(c)...)
		var events []event.Event
		if err := c.Ensure(t.Context(), collect(&events)); err != nil {
			t.Fatal(err)
		}
		if changes := docker.changed(); strings.Join(changes, " ") != "start exec" {
			t.Errorf("changed %v", changes)
		}
		if last := events[len(events)-1]; last.Mutations != 1 || !strings.Contains(last.Message, "started, with its data") {
			t.Errorf("events %s", messages(events))
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
			for len(docker.changed()) == 0 { // as kind does when its node is gone
				time.Sleep(time.Millisecond)
			}
			docker.add(node(ownMount, true)) // a node that kind was about to create
			returned = true
			return errors.New("no such container")
		}}
		c := newCluster(t, docker, provider)
		if err := c.Ensure(ctx, event.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if len(docker.containers) > 0 || !returned {
			t.Errorf("left %d containers, kind returned: %t", len(docker.containers), returned)
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
			t.Errorf("got %v", err)
		}
		if c.FailedCreateLogs() != provider.logsDir {
			t.Errorf("kept %q", c.FailedCreateLogs())
		}
		if !strings.Contains(fault.HintOf(err), provider.logsDir) || provider.logsDir == "" || len(docker.containers) > 0 {
			t.Errorf("hint %q, logs in %q, %d containers left", fault.HintOf(err), provider.logsDir, len(docker.containers))
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
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), fmt.Sprintf("port %d of this machine is taken", port)) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCluster_Ensure_canceled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   error // what its create ends with
		inKind bool  // canceled before kind has ended
	}{
		"while the nodes are waited for":           {},
		"by a signal that kind's command got, too": {kind: errors.New("signal: interrupt"), inKind: true},
		"as kind ends well":                        {inKind: true},
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
				t.Errorf("got %v", err)
			}
			if len(docker.containers) > 0 {
				t.Errorf("left %d containers", len(docker.containers))
			}
		})
	}
}
