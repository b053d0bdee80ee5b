//go:build e2e

package rollout

import (
	"context"
	"errors"
	"flag"
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
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var capture = flag.Bool("capture", false, "write what the cluster says into testdata")

// A realFault is a workload that cannot come up and what must be said of it.
type realFault struct {
	name    string
	pod     func(*corev1.PodSpec, nodeImages)
	objects []runtime.Object // created before
	labels  map[string]string
	want    Code
	says    []string      // in the card
	within  time.Duration // of faults.md, from the creation of the workload
	timeout time.Duration // of the wait; 0 is a minute
}

var realFaults = []realFault{
	{
		name: "image-missing", want: ImagePull, within: 15 * time.Second, says: []string{"docker.io/library/nowhere:1", "is not loaded into node"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Image = "docker.io/library/nowhere:1" },
	},
	{
		name: "image-never-pull", want: ImageNeverPull, within: 15 * time.Second, says: []string{"nowhere:1", "node"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Image, p.Containers[0].ImagePullPolicy = "docker.io/library/nowhere:1", corev1.PullNever
		},
	},
	{
		name: "image-name-invalid", want: InvalidImageName, within: 15 * time.Second, says: []string{"Not:Valid:1"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Image = "Not:Valid:1" },
	},
	{
		name: "crash-loop", want: CrashLoop, within: 45 * time.Second, says: []string{"exit status 3", "| panic: no database"},
		pod: shell("echo starting; echo panic: no database >&2; exit 3"),
	},
	{
		name: "exits-with-zero", want: CrashLoop, within: 45 * time.Second, says: []string{"ends by itself with status 0"},
		pod: shell("echo done"),
	},
	{
		name: "out-of-memory", want: OOMKilled, within: 45 * time.Second, says: []string{"memory limit is 24Mi"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			shell("a=aaaaaaaaaaaaaaaa; while true; do a=$a$a; done")(p, i)
			p.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("24Mi")}
		},
	},
	{
		name: "bad-command", want: BadCommand, within: 25 * time.Second, says: []string{"the command /no/such/program cannot be started"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Command = []string{"/no/such/program"} },
	},
	{
		name: "bad-command-in-shell", want: BadCommand, within: 25 * time.Second, says: []string{"status 127", "| "},
		pod: shell("no-such-program --serve"),
	},
	{
		name: "secret-key-missing", want: CreateContainerConfig, within: 15 * time.Second, says: []string{"key DB_PASSWORD of Secret db"},
		objects: []runtime.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}}},
		pod:     env("db", "DB_PASSWORD"),
	},
	{
		name: "secret-missing", want: CreateContainerConfig, within: 15 * time.Second, says: []string{"Secret nowhere"},
		pod: env("nowhere", "DB_PASSWORD"),
	},
	{
		name: "config-map-volume-missing", want: MissingVolumeObject, within: 35 * time.Second, says: []string{"ConfigMap settings"},
		pod: volume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}),
	},
	{
		name: "secret-volume-key-missing", want: MissingVolumeObject, within: 35 * time.Second, says: []string{"key tls.key of Secret db"},
		objects: []runtime.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}}},
		pod:     volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "db", Items: []corev1.KeyToPath{{Key: "tls.key", Path: "tls.key"}}}}),
	},
	{
		name: "claim-missing", want: MissingVolumeObject, within: 35 * time.Second, says: []string{"claim nowhere"},
		pod: volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "nowhere"}}),
	},
	{
		name: "claim-without-class", want: VolumeClaimPending, within: 40 * time.Second, says: []string{"storage class nowhere", "1Gi"},
		objects: []runtime.Object{claim("data", "nowhere")},
		pod:     volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}),
	},
	{
		name: "unschedulable", want: Unschedulable, within: 35 * time.Second, says: []string{"Insufficient cpu", "requests cpu 1k"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000")}
		},
	},
	{
		name: "readiness-never", want: NotReady, within: 32 * time.Second, timeout: 30 * time.Second,
		says: []string{"readiness probe: GET http://:9999/health every 1s", "connection refused", "declares 8080"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
			p.Containers[0].ReadinessProbe = httpProbe(9999)
		},
	},
	{
		name: "liveness-never", want: LivenessFailed, within: 45 * time.Second, says: []string{"liveness probe", "connection refused"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].LivenessProbe = httpProbe(9999) },
	},
	{
		name: "quota", want: QuotaExceeded, within: 15 * time.Second, says: []string{"exceeded quota"},
		objects: []runtime.Object{noPods()},
	},
	{
		name: "pod-security", want: PodSecurity, within: 15 * time.Second, says: []string{`violates PodSecurity "restricted`},
		labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	},
	{
		name: "service-account-missing", want: PodRefused, within: 15 * time.Second, says: []string{"service account", "nobody"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.ServiceAccountName = "nobody" },
	},
	{
		name: "root-user-refused", want: CreateContainerConfig, within: 15 * time.Second, says: []string{"root"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			shell("sleep 1000")(p, i)
			yes := true
			p.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes}
		},
	},
	{
		name: "init-container-crashes", want: CrashLoop, within: 45 * time.Second, says: []string{"init container migrate", "| no schema"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			p.InitContainers = []corev1.Container{{Name: "migrate", Image: i.shell, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sh", "-c", "echo no schema; exit 1"}}}
		},
	},
}

// TestRealFaults checks the causes and the times of faults.md on a real cluster.
func TestRealFaults(t *testing.T) {
	c := connect(t)
	for _, f := range realFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ns := c.namespace(t, f.name, f.labels)
			for _, o := range f.objects {
				c.create(t, ns, o.DeepCopyObject())
			}
			web := c.deployment(ns, 1, f.pod)
			c.create(t, ns, web)
			begin := time.Now()
			w := Watcher{Client: c.client, Timeout: orMinute(f.timeout)}
			object := Object{Deployment, ns, "web"}
			err := w.Wait(t.Context(), []Object{object}, event.Discard)
			took := time.Since(begin)
			if *capture {
				c.capture(t, &w, object, f.name)
			}
			cause := fails(t, err, fault.Unhealthy)
			card := strings.Join(Card(cause), "\n")
			t.Logf("after %s: %v\n%s", took.Round(100*time.Millisecond), err, card)
			if cause.Code != f.want {
				t.Errorf("cause %s, want %s", cause.Code, f.want)
			}
			if took > f.within {
				t.Errorf("took %s, want at most %s", took, f.within)
			}
			for _, text := range f.says {
				if !strings.Contains(card, text) {
					t.Errorf("the card does not say %q", text)
				}
			}
		})
	}
}

func orMinute(d time.Duration) time.Duration {
	if d == 0 {
		return time.Minute
	}
	return d
}

func shell(script string) func(*corev1.PodSpec, nodeImages) {
	return func(p *corev1.PodSpec, i nodeImages) {
		p.Containers[0].Image = i.shell
		p.Containers[0].Command = []string{"sh", "-c", script}
	}
}

func env(secret, key string) func(*corev1.PodSpec, nodeImages) {
	return func(p *corev1.PodSpec, _ nodeImages) {
		p.Containers[0].Env = []corev1.EnvVar{{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}}}
	}
}

func volume(source corev1.VolumeSource) func(*corev1.PodSpec, nodeImages) {
	return func(p *corev1.PodSpec, _ nodeImages) {
		p.Volumes = []corev1.Volume{{Name: "v", VolumeSource: source}}
		p.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
	}
}

func httpProbe(n int) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: port(n)}},
		PeriodSeconds: 1, FailureThreshold: 2,
	}
}

func claim(name, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

func noPods() *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}
}

// A cluster is the real one of the test.
type realCluster struct {
	config *rest.Config
	client kubernetes.Interface
	images nodeImages
}

// nodeImages are those that the cluster's nodes have.
type nodeImages struct {
	pause string // runs for ever
	shell string // has sh
}

// connect uses the cluster of TKDEPLOY_TEST_KUBECONFIG.
func connect(t *testing.T) *realCluster {
	t.Helper()
	path := os.Getenv("TKDEPLOY_TEST_KUBECONFIG")
	if path == "" {
		t.Skip("TKDEPLOY_TEST_KUBECONFIG names no kubeconfig of a cluster to test in")
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
		t.Fatalf("the node has no pause image or none with a shell: %+v", c.images)
	}
	return c
}

// namespace makes a namespace that goes with the test.
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

// deployment is one named web that runs and does nothing, until change.
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
		_, err = c.client.CoreV1().ResourceQuotas(ns).Create(t.Context(), v, o)
	case *corev1.PersistentVolumeClaim:
		_, err = c.client.CoreV1().PersistentVolumeClaims(ns).Create(t.Context(), v, o)
	default:
		err = errors.New("no such kind here")
	}
	if err != nil {
		t.Fatalf("create %T: %v", object, err)
	}
}

var (
	addresses = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	noise     = regexp.MustCompile(`(?m)^  resourceVersion: .*\n`)
)

// capture writes what the cluster says about an object into testdata, in the
// form of readSnapshot, without addresses.
func (c *realCluster) capture(t *testing.T, w *Watcher, o Object, name string) {
	t.Helper()
	s, err := w.read(t.Context(), []Object{o})
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
		n.Status = corev1.NodeStatus{Conditions: n.Status.Conditions, Allocatable: n.Status.Allocatable}
	}
	dump(t, &b, s.Nodes)
	text := addresses.ReplaceAllString(noise.ReplaceAllString(b.String(), ""), "192.0.2.1")
	text = strings.ReplaceAll(text, o.Namespace, "shop")
	folder := filepath.Join("testdata", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "objects.yaml"), []byte(text), 0o644); err != nil {
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
