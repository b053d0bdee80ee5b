//go:build e2e

package rollout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"tkdeploy.dev/tkdeploy/internal/health"
)

type realCluster struct {
	config *rest.Config
	client kubernetes.Interface
	images nodeImages
}

type nodeImages struct {
	pause string // runs forever
	shell string // contains sh
}

// connect returns the cluster of TKDEPLOY_TEST_KUBECONFIG.
func connect(t *testing.T) *realCluster {
	t.Helper()
	path := os.Getenv("TKDEPLOY_TEST_KUBECONFIG")
	if path == "" {
		t.Skip("TKDEPLOY_TEST_KUBECONFIG is not set")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := &realCluster{config: config, client: client}
	for _, image := range nodes.Items[0].Status.Images {
		for _, name := range image.Names {
			switch {
			case strings.Contains(name, "@"):
			case strings.Contains(name, "/pause:"):
				c.images.pause = name
			case strings.Contains(name, "local-path-helper"), strings.Contains(name, "busybox"):
				c.images.shell = name
			}
		}
	}
	if c.images.pause == "" || c.images.shell == "" {
		t.Fatalf("got node images %+v, want a pause image and one with a shell", c.images)
	}
	return c
}

func (c *realCluster) namespace(t *testing.T, name string, labels map[string]string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "rollout-" + name + "-", Labels: labels}}
	ns, err := c.client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return ns.Name
}

// deployment returns a Deployment "web" with a modified pod.
func (c *realCluster) deployment(ns string, replicas int32, change func(*corev1.PodSpec, nodeImages)) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: c.template(change),
		},
	}
}

func (c *realCluster) template(change func(*corev1.PodSpec, nodeImages)) corev1.PodTemplateSpec {
	none := int64(0)
	t := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}}
	t.Spec.TerminationGracePeriodSeconds = &none
	t.Spec.Containers = []corev1.Container{{Name: "web", Image: c.images.pause, ImagePullPolicy: corev1.PullIfNotPresent}}
	if change != nil {
		change(&t.Spec, c.images)
	}
	return t
}

// awaitQuota waits until the quota has a status and is enforced.
func (c *realCluster) awaitQuota(t *testing.T, ns, name string) error {
	t.Helper()
	return wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		quota, err := c.client.CoreV1().ResourceQuotas(ns).Get(ctx, name, metav1.GetOptions{})
		return err == nil && len(quota.Status.Hard) > 0, err
	})
}

func (c *realCluster) create(t *testing.T, ns string, object runtime.Object) {
	t.Helper()
	var err error
	o := metav1.CreateOptions{}
	switch v := object.(type) {
	case *appsv1.Deployment:
		_, err = c.client.AppsV1().Deployments(ns).Create(t.Context(), v, o)
	case *appsv1.StatefulSet:
		_, err = c.client.AppsV1().StatefulSets(ns).Create(t.Context(), v, o)
	case *appsv1.DaemonSet:
		_, err = c.client.AppsV1().DaemonSets(ns).Create(t.Context(), v, o)
	case *batchv1.Job:
		_, err = c.client.BatchV1().Jobs(ns).Create(t.Context(), v, o)
	case *corev1.Secret:
		_, err = c.client.CoreV1().Secrets(ns).Create(t.Context(), v, o)
	case *corev1.ResourceQuota:
		if _, err = c.client.CoreV1().ResourceQuotas(ns).Create(t.Context(), v, o); err == nil {
			err = c.awaitQuota(t, ns, v.Name)
		}
	case *corev1.PersistentVolumeClaim:
		_, err = c.client.CoreV1().PersistentVolumeClaims(ns).Create(t.Context(), v, o)
	default:
		err = errors.New("unsupported kind")
	}
	if err != nil {
		t.Fatalf("create %T: %v", object, err)
	}
}

var (
	addresses = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	noise     = regexp.MustCompile(`(?m)^  resourceVersion: .*\n`)
)

// capture writes the snapshot of an object to the testdata of package health,
// without IP addresses.
func (c *realCluster) capture(t *testing.T, w *Watcher, o health.Object, name string) {
	t.Helper()
	s, err := w.read(t.Context(), []health.Object{o})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# now: %s\n", time.Now().UTC().Format(time.RFC3339))
	dump(t, &b, s.Deployments)
	dump(t, &b, s.ReplicaSets)
	dump(t, &b, s.StatefulSets)
	dump(t, &b, s.Jobs)
	dump(t, &b, s.Pods)
	dump(t, &b, s.Events)
	dump(t, &b, s.Claims)
	for _, n := range s.Nodes {
		n.ObjectMeta = metav1.ObjectMeta{Name: n.Name}
		n.Status = corev1.NodeStatus{Conditions: n.Status.Conditions, Allocatable: n.Status.Allocatable}
	}
	dump(t, &b, s.Nodes)
	text := addresses.ReplaceAllString(noise.ReplaceAllString(b.String(), ""), "192.0.2.1")
	text = strings.NewReplacer(o.Namespace, "shop", "registry-1.docker.io", "registry.example.com").Replace(text)
	dir := filepath.Join("..", "health", "testdata", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func dump[T interface {
	runtime.Object
	metav1.Object
}](t *testing.T, b *strings.Builder, objects []T) {
	t.Helper()
	for _, o := range objects {
		o.SetManagedFields(nil)
		kinds, _, err := scheme.Scheme.ObjectKinds(o)
		if err != nil {
			t.Fatal(err)
		}
		o.GetObjectKind().SetGroupVersionKind(kinds[0])
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(b, "---\n%s", text)
	}
}
