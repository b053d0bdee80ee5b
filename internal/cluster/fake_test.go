package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/event"
)

// fakeDocker is an in-memory docker CLI that records mutating commands.
type fakeDocker struct {
	mu         sync.Mutex
	containers []container
	images     []string
	ownerDir   string   // source of mounts without one
	networks   []string // of tkdeploy
	changes    []string
	fail       func(args []string) error // may be nil
}

func (d *fakeDocker) Run(_ context.Context, _ io.Reader, stdout io.Writer, args ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(args); err != nil {
			return err
		}
	}
	switch args[0] {
	case "ps":
		for _, c := range d.containers {
			fmt.Fprintln(stdout, c.Name)
		}
		return nil
	case "inspect":
		for _, c := range d.containers {
			for i := range c.Mounts {
				c.Mounts[i].Source = cmp.Or(c.Mounts[i].Source, d.ownerDir)
			}
		}
		return json.NewEncoder(stdout).Encode(d.containers)
	case "images":
		fmt.Fprintln(stdout, strings.Join(d.images, "\n"))
		return nil
	case "info":
		fmt.Fprintln(stdout, map[bool]string{true: "/var/lib/docker", false: "1"}[strings.Contains(args[2], "Root")])
		return nil
	case "network":
		switch args[1] {
		case "ls":
			for _, name := range d.networks {
				fmt.Fprintln(stdout, name, name)
			}
		case "create":
			d.networks = append(d.networks, args[len(args)-1])
		case "rm":
			d.networks = slices.DeleteFunc(d.networks, func(name string) bool { return name == args[2] })
			d.changes = append(d.changes, "network rm")
		}
		return nil
	case "rm":
		d.containers = slices.DeleteFunc(d.containers, func(c container) bool { return slices.Contains(args, c.Name) })
	case "start":
		for i := range d.containers {
			if d.containers[i].Name == args[1] {
				d.containers[i].State.Running = true
				d.containers[i].State.StartedAt = startTime
			}
		}
	case "unpause":
		for i := range d.containers {
			if d.containers[i].Name == args[1] {
				d.containers[i].State.Paused = false
			}
		}
	}
	d.changes = append(d.changes, args[0])
	return nil
}

func (d *fakeDocker) changed() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.changes)
}

func (d *fakeDocker) add(c container) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.containers = append(d.containers, c)
}

var startTime = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

const ownMount = "/etc/tkdeploy/shop/dev"

func node(mount string, running bool) container {
	var c container
	c.Name = "shop-dev-control-plane"
	c.State.Running, c.State.StartedAt = running, startTime
	c.Config.Labels = map[string]string{roleLabel: "control-plane"}
	c.Mounts = []struct{ Source, Destination string }{{"", mount}}
	return c
}

type fakeKind struct {
	create  func() error
	logsDir string
	config  *v1alpha4.Cluster // of the last create
	hang    bool              // other calls return only at the end of their context
	logsErr error
}

func (k *fakeKind) Create(_ context.Context, c kindrun.Create) error {
	k.config = c.Config
	return k.create()
}

func (k *fakeKind) Kubeconfig(ctx context.Context, _ string) (string, error) {
	if k.hang {
		<-ctx.Done()
	}
	return kubeconfigText, context.Cause(ctx)
}

func (k *fakeKind) CollectLogs(ctx context.Context, _, dir string) error {
	if k.hang {
		<-ctx.Done()
	}
	k.logsDir = dir
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "kind-version.txt"), nil, 0o600), k.logsErr)
}

const kubeconfigText = `apiVersion: v1
kind: Config
clusters: [{name: kind-shop-dev, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: kind-shop-dev, user: {token: t}}]
contexts: [{name: kind-shop-dev, context: {cluster: kind-shop-dev, user: kind-shop-dev}}]
current-context: kind-shop-dev
`

func newCluster(t *testing.T, docker *fakeDocker, provider *fakeKind, objects ...runtime.Object) *Cluster {
	t.Helper()
	c := New(Spec{
		Name: "shop-dev", Image: "kindest/node:v1.37.0", Project: "shop", Env: "dev",
		Ports: []Port{{0, 30400}}, Namespace: "shop", StateDir: filepath.Join(t.TempDir(), "state"),
	}, Limits{Ready: 2 * time.Second})
	docker.ownerDir, _ = c.ownerDir() // this machine's needs no file
	c.docker = docker
	c.provider = newProvider(provider)
	client := fake.NewClientset(objects...)
	c.client = func(*rest.Config) (kubernetes.Interface, error) { return client, nil }
	if err := writePrivate(c.Kubeconfig(), []byte(kubeconfigText)); err != nil {
		t.Fatal(err)
	}
	return c
}

func newProvider(k *fakeKind) func(event.Reporter) provider {
	return func(event.Reporter) provider { return k }
}

func healthyObjects(c *Cluster) []runtime.Object {
	renewed := metav1.NewMicroTime(startTime.Add(time.Second))
	return []runtime.Object{
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: markerName, Namespace: metav1.NamespaceSystem},
			Data:       map[string]string{"spec": c.hash()},
		},
		&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "shop-dev-control-plane"},
			Spec:       corev1.NodeSpec{ProviderID: "kind://docker/shop-dev/shop-dev-control-plane"},
			Status: corev1.NodeStatus{
				NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.37.0"},
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			},
		},
		&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: "shop-dev-control-plane", Namespace: corev1.NamespaceNodeLease},
			Spec:       coordinationv1.LeaseSpec{RenewTime: &renewed},
		},
	}
}

func collect(events *[]event.Event) event.Reporter {
	return event.ReporterFunc(func(e event.Event) { *events = append(*events, e) })
}

func messages(events []event.Event) string {
	var parts []string
	for _, e := range events {
		parts = append(parts, e.Message)
	}
	return strings.Join(parts, "; ")
}

func podRunningSince(since time.Time) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "postgres-0", Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "shop-dev-control-plane"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}},
		}}},
	}
}
