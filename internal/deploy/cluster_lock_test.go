package deploy

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// twoConfigurations returns sessions of two releases on one cluster, and the server of
// shop's Leases.
func twoConfigurations(t *testing.T) (shop, web *Session, server *leaseServer) {
	t.Helper()
	shop, server, _ = lockedShop(t)
	web, _, _ = lockedShop(t)
	web.Workspace.Config.Chart.Release = "web"
	web.Workspace.Command.Args = []string{"--config", "web.yaml"}
	web.Workspace.StateDir, web.Workspace.LockDir = shop.Workspace.StateDir, shop.Workspace.LockDir
	return shop, web, server
}

// sharedCluster counts the runs that create it.
type sharedCluster struct {
	exists, deleted atomic.Bool
	creates, inside atomic.Int32
	observed        func() // called at the end of each observation; may be nil
}

func (c *sharedCluster) observe(context.Context) (plan.Observation, error) {
	state := plan.Missing
	if c.exists.Load() {
		state = plan.Satisfied
	}
	if c.observed != nil {
		c.observed()
	}
	return plan.Observation{State: state}, nil
}

// stage returns a cluster stage whose create calls during.
func (c *sharedCluster) stage(t *testing.T, during func() error) plan.Stage {
	s := acting(StageCluster, func(context.Context) error {
		if c.inside.Add(1) > 1 || c.exists.Load() {
			t.Error("got a create of a cluster that another run creates or has created")
		}
		defer c.inside.Add(-1)
		c.creates.Add(1)
		err := during()
		c.exists.Store(err == nil)
		return err
	})
	s.Observe = c.observe
	return s
}

// using returns a stage that needs the cluster to exist. The Lease is not of interest.
func (c *sharedCluster) using(t *testing.T, during func()) plan.Stage {
	return acting(StageBuild, func(context.Context) error {
		if !c.exists.Load() || c.deleted.Load() {
			t.Error("got a run without its cluster")
		}
		during()
		return nil
	}, StageCluster)
}

func nothing() {}

func succeed() error { return nil }

func TestLocks_cluster(t *testing.T) {
	t.Run("let one of two runs create an absent cluster, and the other use it", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		var seen atomic.Int32
		both := make(chan struct{})
		c.observed = func() {
			if seen.Add(1) == 2 {
				close(both)
			}
			<-both // have seen an absent cluster
		}
		var wg sync.WaitGroup
		for _, s := range []*Session{shop, web} {
			wg.Go(func() {
				if _, err := runStages(t.Context(), t, s.NewLocks(), c.stage(t, succeed), c.using(t, nothing)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := c.creates.Load(); n != 1 {
			t.Errorf("got %d creates, want 1", n)
		}
	})

	t.Run("let a run wait while another one creates the cluster", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		creating, waiting := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			stage := c.stage(t, func() error { close(creating); <-waiting; return nil })
			if _, err := runStages(t.Context(), t, shop.NewLocks(), stage, c.using(t, nothing)); err != nil {
				t.Error(err)
			}
		})
		<-creating
		time.AfterFunc(300*time.Millisecond, func() { close(waiting) })
		stream, err := runStages(t.Context(), t, web.NewLocks(), c.stage(t, succeed), c.using(t, nothing))
		if err != nil || !strings.Contains(stream, "waiting: cluster shop-dev is locked by another run: tkdeploy up --env dev of ") {
			t.Errorf("got %v and events\n%s\nwant a note that it waits", err, stream)
		}
		wg.Wait()
		if n := c.creates.Load(); n != 1 {
			t.Errorf("got %d creates, want 1", n)
		}
	})

	t.Run("let a run create the cluster if another one failed to", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		creating := make(chan struct{})
		failure := errors.New("kubeadm init failed")
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := runStages(t.Context(), t, shop.NewLocks(), c.stage(t, func() error { close(creating); return failure }))
			if !errors.Is(err, failure) {
				t.Errorf("got %v, want %v", err, failure)
			}
		})
		<-creating
		if _, err := runStages(t.Context(), t, web.NewLocks(), c.stage(t, succeed), c.using(t, nothing)); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})

	t.Run("do not let down delete a cluster in use", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		_, err := runStages(t.Context(), t, web.NewLocks(), c.stage(t, succeed), c.using(t, func() {
			locks := shop.NewLocks()
			p, err := shop.DownPlan(cluster.KeepNone, locks)
			if err != nil {
				t.Error(err)
			}
			_, err = runPlan(t.Context(), locks, p)
			if want := "cluster shop-dev is locked by another run: tkdeploy up --config web.yaml of "; fault.ClassOf(err) != fault.Locked || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}))
		if err != nil {
			t.Error(err)
		}
	})

	t.Run("let a run wait for down", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		c.exists.Store(true)
		deleting := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			locks := shop.NewLocks()
			if _, err := runStages(t.Context(), t, locks, acting(StageDown, func(ctx context.Context) error {
				if err := locks.exclude(ctx); err != nil {
					return err
				}
				close(deleting)
				time.Sleep(200 * time.Millisecond)
				c.exists.Store(false)
				return nil
			})); err != nil {
				t.Error(err)
			}
		})
		<-deleting
		if _, err := runStages(t.Context(), t, web.NewLocks(), c.stage(t, succeed), c.using(t, nothing)); err != nil || c.creates.Load() != 1 {
			t.Errorf("got %v after %d creates, want 1", err, c.creates.Load())
		}
		wg.Wait()
	})

	t.Run("refuse a cluster that another run keeps incomplete", func(t *testing.T) {
		shop, web, _ := twoConfigurations(t)
		var c sharedCluster
		ctx, cancel := context.WithCancel(t.Context())
		_, err := runStages(t.Context(), t, shop.NewLocks(), c.stage(t, func() error {
			time.AfterFunc(200*time.Millisecond, cancel)
			_, err := runStages(ctx, t, web.NewLocks(), c.stage(t, succeed))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			return nil
		}))
		if err != nil {
			t.Error(err)
		}
	})
}

func TestSession_Status_incomplete(t *testing.T) {
	shop, web, _ := twoConfigurations(t)
	const interrupted = "an earlier create was interrupted"
	file := lock.SharedPath(shop.Workspace.LockDir, "engine", "shop-dev")
	wantReason := func(start string) {
		t.Helper()
		before, _ := os.ReadFile(file) // not there without a holder
		defer func() {
			t.Helper()
			if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
				t.Errorf("got a new holder of the lock:\n%s\nbefore:\n%s", after, before)
			}
		}()
		web.status.Put(cluster.Status{Phase: cluster.Incomplete, Reason: interrupted})
		if status, err := web.Status(t.Context()); err != nil || !strings.HasPrefix(status.Cluster.Reason, start) {
			t.Errorf("got %+v, %v, want reason %s", status, err, start)
		}
	}
	var c sharedCluster
	if _, err := runStages(t.Context(), t, shop.NewLocks(), c.stage(t, func() error {
		wantReason("another run creates or deletes it: tkdeploy up --env dev of ")
		return nil
	}), c.using(t, func() { wantReason(interrupted) })); err != nil {
		t.Error(err)
	}
	wantReason(interrupted)
}

func TestLocks_checkOthers(t *testing.T) {
	shop, _, server := twoConfigurations(t)
	server.other = `{"metadata":{"name":"tkdeploy.shop.web"},"spec":{"holderIdentity":"ada@laptop/4711","leaseDurationSeconds":30,"renewTime":"` +
		time.Now().UTC().Format(metav1.RFC3339Micro) + `"}}`
	locks := shop.NewLocks()
	locks.warn = func(string) {}
	if err := locks.checkOthers(t.Context()); fault.ClassOf(err) != fault.Locked || !strings.Contains(err.Error(), "ada@laptop/4711") {
		t.Errorf("got %v, want the holder", err)
	}
	server.other = "broken"
	if err := locks.checkOthers(t.Context()); err == nil {
		t.Error("got no error if the Leases cannot be listed")
	}
}
