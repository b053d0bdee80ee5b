package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/release"
)

func TestSession_Engine(t *testing.T) {
	t.Parallel()
	t.Run("connects again after an error", func(t *testing.T) {
		t.Parallel()
		calls := 0
		failure := errors.New("no engine")
		s := NewSessionWithEngine(&Workspace{}, func(context.Context) (*engine.Engine, error) {
			calls++
			return nil, failure
		})
		for range 2 {
			if _, err := s.Engine(t.Context()); !errors.Is(err, failure) {
				t.Errorf("got %v, want %v", err, failure)
			}
		}
		if calls != 2 {
			t.Errorf("got %d calls, want 2", calls)
		}
	})
}

func TestSession_Invalidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scopes []Scope
		want   []string // cached reads that remain
	}{
		"nothing":               {nil, []string{"engine", "images", "probe", "inventory", "status", "nodes", "clients", "release"}},
		"the checkout":          {[]Scope{Checkout}, []string{"engine", "status", "nodes", "clients", "release"}},
		"the cluster":           {[]Scope{ClusterState}, []string{"engine", "images", "probe"}},
		"the release":           {[]Scope{ReleaseState}, []string{"engine", "images", "probe", "inventory", "status", "nodes", "clients"}},
		"checkout and cluster":  {[]Scope{Checkout, ClusterState}, []string{"engine"}},
		"the same scopes twice": {[]Scope{ReleaseState, ReleaseState, Checkout}, []string{"engine", "status", "nodes", "clients"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := filledSession()
			s.Invalidate(test.scopes...)
			if diff := cmp.Diff(test.want, cachedReads(s)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func filledSession() *Session {
	s := NewSession(&Workspace{})
	s.engine.Put(nil)
	s.images.Put(nil)
	s.probe.Put(images.Status{})
	s.inventory.Put(nodeload.Inventory{})
	s.status.Put(cluster.Status{})
	s.nodes.Put(nil)
	s.clients.Put(nil)
	s.release.Put(&release.Deployed{})
	return s
}

func cachedReads(s *Session) []string {
	_, engine := s.engine.Peek()
	_, all := s.images.Peek()
	_, probe := s.probe.Peek()
	_, inventory := s.inventory.Peek()
	_, status := s.status.Peek()
	_, nodes := s.nodes.Peek()
	_, clients := s.clients.Peek()
	_, deployed := s.release.Peek()
	var names []string
	for _, read := range []struct {
		name  string
		valid bool
	}{{"engine", engine}, {"images", all}, {"probe", probe}, {"inventory", inventory}, {"status", status}, {"nodes", nodes}, {"clients", clients}, {"release", deployed}} {
		if read.valid {
			names = append(names, read.name)
		}
	}
	return names
}

func TestSession_Nodes(t *testing.T) {
	t.Parallel()
	s := NewSession(&Workspace{Cluster: cluster.New(cluster.Spec{Name: "shop-dev"}, cluster.Limits{})})
	s.status.Put(cluster.Status{Phase: cluster.Running, Nodes: []cluster.NodeStatus{{Name: "shop-dev-control-plane"}}})
	nodes, err := s.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name())
	}
	if diff := cmp.Diff([]string{"shop-dev-control-plane"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSession_Kube(t *testing.T) {
	t.Parallel()
	s, _, _ := lockedShop(t)
	first, err := s.Kube(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := s.Kube(t.Context()); second != first || err != nil {
		t.Errorf("got another client, %v, want the same", err)
	}
	s.Invalidate(ClusterState)
	if third, err := s.Kube(t.Context()); third == first || err != nil {
		t.Errorf("got the same client, %v, want one of the current cluster", err)
	}
}

func TestSession_markVerified(t *testing.T) {
	t.Parallel()
	s, _, _ := lockedShop(t)
	deployed := &release.Deployed{Revision: 2}
	s.release.Put(deployed)
	if err := s.markVerified(t.Context(), deployed); err == nil {
		t.Error("got no error from an API server without the release")
	}
	if got, ok := s.release.Peek(); got != deployed || !ok || got.Verified {
		t.Errorf("got %+v, %t after a failed write, want the unchanged revision", got, ok)
	}
}

func TestSession_containerExit(t *testing.T) {
	t.Parallel()
	s := NewSession(&Workspace{Cluster: cluster.New(cluster.Spec{Name: "shop-dev"}, cluster.Limits{})})
	if code, ok := s.containerExit(t.Context(), "shop-dev-control-plane", "containerd://0a1b"); ok {
		t.Errorf("got %d without a cluster status, want no exit code", code)
	}
}

func TestSession_DeployedServices(t *testing.T) {
	t.Parallel()
	s := NewSession(&Workspace{Cluster: cluster.New(cluster.Spec{Name: "shop-dev"}, cluster.Limits{})})
	if services, _, err := s.DeployedServices(t.Context()); services != nil || err != nil {
		t.Errorf("got %v, %v before the revision was read, want nothing", services, err)
	}
}

func TestSession_newWatcher(t *testing.T) {
	t.Parallel()
	s, _, _ := lockedShop(t)
	s.Workspace.Env.Rollout.Crash = time.Hour
	watcher, err := s.newWatcher(t.Context(), time.Minute, strings.ToUpper)
	if err != nil || watcher.Thresholds.Graces.Crash != time.Hour || watcher.Timeout != time.Minute || watcher.Redact("a") != "A" {
		t.Errorf("got %+v, %v, want the grace and the timeout", watcher, err)
	}
}
