package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/cluster/drain"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// databaseCluster is a complete cluster with a database, whose password is not saved.
type databaseCluster struct {
	*Cluster
	docker *fakeDocker
	client *fake.Clientset
}

func newDatabaseCluster(t *testing.T, running bool) databaseCluster {
	t.Helper()
	docker := &fakeDocker{containers: []container{node(ownMount, running)}}
	c := newCluster(t, docker, &fakeKind{create: func() error { return errors.New("created again") }})
	pod := podRunningSince(startTime)
	pod.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{}}}}
	password := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "postgres", Namespace: "shop", Labels: map[string]string{"tkdeploy.dev/keep": "true"}},
		Data:       map[string][]byte{"PASSWORD": []byte("s3cret")},
	}
	client := fake.NewClientset(append(healthyObjects(c), pod, password)...)
	client.PrependReactor("delete-collection", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), "shop", "postgres-0")
	})
	c.client = func(*rest.Config) (kubernetes.Interface, error) { return client, nil }
	if err := os.MkdirAll(filepath.Join(c.volumesDir(), "shop", "data-postgres-0"), 0o700); err != nil {
		t.Fatal(err)
	}
	return databaseCluster{c, docker, client}
}

func (c databaseCluster) down(ctx context.Context, keep Keep) error {
	if err := c.PrepareDelete(ctx, keep, event.Discard); err != nil {
		return err
	}
	return c.Delete(ctx, keep == KeepNone, event.Discard)
}

func (c databaseCluster) isSaved() bool {
	text, err := os.ReadFile(filepath.Join(c.secretsDir(), "shop", "postgres.json"))
	return err == nil && strings.Contains(string(text), "PASSWORD")
}

func (c databaseCluster) hasPod(t *testing.T) bool {
	t.Helper()
	pods, err := c.client.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(pods.Items) > 0
}

func TestCluster_PrepareDelete(t *testing.T) {
	t.Parallel()
	unavailable := func(c databaseCluster) {
		c.client.PrependReactor("list", "secrets", func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("connection refused")
		})
	}
	noVolumes := func(c databaseCluster) { _ = os.RemoveAll(c.volumesDir()) }
	for name, test := range map[string]struct {
		keep         Keep
		stopped      bool
		prepare      func(databaseCluster)
		class        fault.Class
		saved, ended bool
	}{
		"saves the Secrets and ends the workloads": {saved: true, ended: true},
		"starts a stopped cluster for this":        {stopped: true, saved: true, ended: true},
		"fails if it cannot save the Secrets":      {prepare: unavailable, class: fault.Down},
		"does nothing without volumes":             {prepare: noVolumes},
		"saves the Secrets even if forced":         {keep: KeepForce, saved: true},
		"does not fail if forced":                  {keep: KeepForce, prepare: unavailable},
		"does not start a cluster if forced":       {keep: KeepForce, stopped: true, prepare: unavailable},
		"does nothing if the data will be deleted": {keep: KeepNone},
		"does nothing for an interrupted create":   {prepare: func(c databaseCluster) { _ = c.markCreating() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newDatabaseCluster(t, !test.stopped)
			c.limits.API = 300 * time.Millisecond
			if test.prepare != nil {
				test.prepare(c)
			}
			err := c.PrepareDelete(t.Context(), test.keep, event.Discard)
			if fault.ClassOf(err) != test.class || test.class != "" && !strings.Contains(fault.HintOf(err), "down --env dev --force") {
				t.Errorf("got %v of class %q, hint %q, want class %q", err, fault.ClassOf(err), fault.HintOf(err), test.class)
			}
			if c.isSaved() != test.saved || c.hasPod(t) == test.ended {
				t.Errorf("got Secret saved %t, workload ended %t, want %t, %t", c.isSaved(), !c.hasPod(t), test.saved, test.ended)
			}
			if started := len(c.docker.changed()) > 0; started != (test.stopped && test.keep == KeepData) {
				t.Errorf("got changes %v", c.docker.changed())
			}
		})
	}
}

// A run of down is killed before each of its requests and docker commands. No step may
// lose the password, and both down and up must continue from there.
func TestCluster_PrepareDelete_killed(t *testing.T) {
	t.Parallel()
	interrupted := func(t *testing.T, step int) (c databaseCluster, killed bool) {
		t.Helper()
		c = newDatabaseCluster(t, true)
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		steps := 0
		next := func() error {
			if steps++; steps > step {
				kill()
				return context.Canceled
			}
			return nil
		}
		c.client.PrependReactor("*", "*", func(k8stesting.Action) (bool, runtime.Object, error) {
			err := next()
			return err != nil, nil, err
		})
		c.docker.fail = func([]string) error { return next() }
		err := c.down(ctx, KeepData)
		c.docker.fail = nil
		c.client.ReactionChain = c.client.ReactionChain[1:]
		if killed = steps > step; !killed && err != nil {
			t.Fatal(err)
		}
		return c, killed
	}
	for step := 0; ; step++ {
		c, killed := interrupted(t, step)
		if len(c.docker.containers) == 0 && !c.isSaved() {
			t.Errorf("killed at step %d: the cluster is deleted and its password is lost", step)
		}
		if !killed {
			if step < 10 {
				t.Errorf("got %d steps, want at least 10", step)
			}
			return
		}
		t.Run(fmt.Sprintf("step %d, then down", step), func(t *testing.T) {
			if err := c.down(t.Context(), KeepData); err != nil {
				t.Fatal(err)
			}
			if len(c.docker.containers) > 0 || !c.isSaved() || c.isCreating() {
				t.Errorf("got containers %v, saved %t, incomplete %t, want none, true, false", c.docker.containers, c.isSaved(), c.isCreating())
			}
		})
		t.Run(fmt.Sprintf("step %d, then up", step), func(t *testing.T) {
			c, _ := interrupted(t, step)
			replaced := c.isCreating()
			err := c.Ensure(t.Context(), event.Discard)
			if replaced || len(c.docker.containers) == 0 {
				if err == nil || !strings.Contains(err.Error(), "created again") || !c.isSaved() {
					t.Errorf("got %v, saved %t, want a new cluster and the password", err, c.isSaved())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			nodes, err := c.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
			if err != nil || len(nodes.Items) != 1 || drain.IsDrained(nodes.Items[0]) {
				t.Errorf("got nodes %v, %v, want one that runs pods", nodes, err)
			}
		})
	}
}
