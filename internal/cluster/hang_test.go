package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestCluster_Ensure_hangingKind(t *testing.T) {
	t.Parallel()
	t.Run("ends when the run is canceled while kind reads the kubeconfig", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{containers: []container{node(ownMount, false)}}
		c := newCluster(t, docker, &fakeKind{hang: true})
		wantCanceled(t, c)
	})
	t.Run("ends when the run is canceled while kind exports logs", func(t *testing.T) {
		t.Parallel()
		docker := &fakeDocker{}
		c := newCluster(t, docker, &fakeKind{hang: true, create: func() error {
			docker.add(node(ownMount, true))
			return errors.New("kubeadm init failed")
		}})
		wantCanceled(t, c)
		if len(docker.containers) > 0 {
			t.Errorf("got %d containers, want none", len(docker.containers))
		}
	})
}

func TestCluster_Ensure_hangingCreate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		docker := &fakeDocker{}
		removed := make(chan struct{})
		c := newCluster(t, docker, &fakeKind{create: func() error {
			docker.add(node(ownMount, true))
			<-removed
			return errors.New("no such container")
		}})
		time.AfterFunc(createLimit+time.Second, func() { close(removed) })
		err := c.Ensure(t.Context(), event.Discard)
		if fault.ClassOf(err) != fault.Cluster || !strings.Contains(err.Error(), "kind has not finished after 15m0s") {
			t.Errorf("got error %v of class %q", err, fault.ClassOf(err))
		}
		if len(docker.containers) > 0 {
			t.Errorf("got %d containers, want none", len(docker.containers))
		}
	})
}

func wantCanceled(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Ensure(ctx, event.Discard); err == nil || ctx.Err() == nil {
		t.Errorf("got error %v, want one after the cancellation", err)
	}
}
