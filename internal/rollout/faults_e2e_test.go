//go:build e2e

package rollout

import (
	"flag"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

var capture = flag.Bool("capture", false, "write the cluster's objects to testdata")

// realFault is a workload that cannot become ready, and the expected cause.
type realFault struct {
	name    string
	pod     func(*corev1.PodSpec, nodeImages)
	objects []runtime.Object // created before the workload
	labels  map[string]string
	want    health.Reason
	or      health.Reason // if the runtime is busy
	says    []string      // texts of the card
	within  time.Duration // limit of faults.md, after the fault is visible
	timeout time.Duration // default: 1 minute
}

var realFaults = []realFault{
	{
		name: "image-missing", want: health.ImagePull, within: 15 * time.Second, says: []string{"docker.io/library/nowhere:1", "is not loaded into the node"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Image = "docker.io/library/nowhere:1" },
	},
	{
		name: "image-never-pull", want: health.ImageNeverPull, within: 15 * time.Second, says: []string{"nowhere:1", "node"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Image, p.Containers[0].ImagePullPolicy = "docker.io/library/nowhere:1", corev1.PullNever
		},
	},
	{
		name: "image-name-invalid", want: health.InvalidImageName, within: 15 * time.Second, says: []string{"Not:Valid:1"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Image = "Not:Valid:1" },
	},
	{
		name: "crash-loop", want: health.CrashLoop, within: 45 * time.Second, says: []string{"exit code 3", "| panic: no database"},
		pod: shell("echo starting; echo panic: no database >&2; exit 3"),
	},
	{
		name: "exits-with-zero", want: health.CrashLoop, within: 45 * time.Second, says: []string{"keeps exiting with code 0"},
		pod: shell("echo done"),
	},
	{
		name: "out-of-memory", want: health.OOMKilled, or: health.CrashLoop, within: 45 * time.Second, says: []string{"memory limit", "24Mi"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			shell("a=aaaaaaaaaaaaaaaa; while true; do a=$a$a; done")(p, i)
			p.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("24Mi")}
			p.Containers[0].ReadinessProbe = httpProbe(9999) // or it is ready for a while on a busy machine
		},
	},
	{
		name: "bad-command", want: health.BadCommand, within: 25 * time.Second, says: []string{"cannot start command /no/such/program"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.Containers[0].Command = []string{"/no/such/program"} },
	},
	{
		name: "bad-command-in-shell", want: health.BadCommand, within: 25 * time.Second, says: []string{"exit code 127", "| "},
		pod: shell("no-such-program --serve"),
	},
	{
		name: "secret-key-missing", want: health.CreateContainerConfig, within: 7 * time.Second, says: []string{"key DB_PASSWORD of Secret db"},
		objects: []runtime.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}}},
		pod:     env("db", "DB_PASSWORD"),
	},
	{
		name: "secret-missing", want: health.CreateContainerConfig, within: 7 * time.Second, says: []string{"Secret nowhere"},
		pod: env("nowhere", "DB_PASSWORD"),
	},
	{
		name: "config-map-volume-missing", want: health.MissingVolumeObject, within: 10 * time.Second, says: []string{"ConfigMap settings"},
		pod: volume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}),
	},
	{
		name: "secret-volume-key-missing", want: health.MissingVolumeObject, within: 10 * time.Second, says: []string{"key tls.key of Secret db"},
		objects: []runtime.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}}},
		pod:     volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "db", Items: []corev1.KeyToPath{{Key: "tls.key", Path: "tls.key"}}}}),
	},
	{
		name: "claim-missing", want: health.MissingVolumeObject, within: 35 * time.Second, says: []string{"claim nowhere"},
		pod: volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "nowhere"}}),
	},
	{
		name: "claim-without-class", want: health.VolumeClaimPending, within: 40 * time.Second, says: []string{"storage class nowhere", "1Gi"},
		objects: []runtime.Object{claim("data", "nowhere")},
		pod:     volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}),
	},
	{
		name: "unschedulable", want: health.Unschedulable, within: 35 * time.Second, says: []string{"Insufficient cpu", "requests cpu 1000"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000")}
		},
	},
	{
		name: "readiness-never", want: health.NotReady, within: 36 * time.Second, timeout: 30 * time.Second, // plus Limits.LogTime
		says: []string{"readiness probe: GET http://:9999/health every 1s", "connection refused", "declares 8080"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
			p.Containers[0].ReadinessProbe = httpProbe(9999)
		},
	},
	{
		name: "liveness-never", want: health.LivenessFailed, within: 45 * time.Second, says: []string{"liveness probe", "connection refused"},
		pod: func(p *corev1.PodSpec, _ nodeImages) {
			p.Containers[0].LivenessProbe = httpProbe(9999)
			p.Containers[0].ReadinessProbe = httpProbe(9999) // as above
		},
	},
	{
		name: "quota", want: health.QuotaExceeded, within: 15 * time.Second, says: []string{"exceeded quota"},
		objects: []runtime.Object{noPods()},
	},
	{
		name: "pod-security", want: health.PodSecurity, within: 15 * time.Second, says: []string{`violates PodSecurity "restricted`},
		labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	},
	{
		name: "service-account-missing", want: health.PodRefused, within: 15 * time.Second, says: []string{"service account", "nobody"},
		pod: func(p *corev1.PodSpec, _ nodeImages) { p.ServiceAccountName = "nobody" },
	},
	{
		name: "root-user-refused", want: health.CreateContainerConfig, within: 15 * time.Second, says: []string{"root"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			shell("sleep 1000")(p, i)
			yes := true
			p.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes}
		},
	},
	{
		name: "init-container-crashes", want: health.CrashLoop, within: 45 * time.Second, says: []string{"init container migrate", "| no schema"},
		pod: func(p *corev1.PodSpec, i nodeImages) {
			p.InitContainers = []corev1.Container{{Name: "migrate", Image: i.shell, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sh", "-c", "echo no schema; exit 1"}}}
		},
	},
}

// TestWatcher_WaitFaultsE2E checks the causes and time limits of faults.md.
func TestWatcher_WaitFaultsE2E(t *testing.T) {
	t.Parallel()
	c := connect(t)
	for _, f := range realFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ns := c.namespace(t, f.name, f.labels)
			for _, o := range f.objects {
				c.create(t, ns, o.DeepCopyObject())
			}
			c.create(t, ns, c.deployment(ns, 1, f.pod))
			visible := visibility{begin: time.Now()}
			w := Watcher{Client: c.client, Timeout: orMinute(f.timeout)}
			web := object(health.Deployment, ns, "web")
			err := w.Wait(t.Context(), []health.Object{web}, &visible)
			took := visible.age()
			if *capture {
				c.capture(t, &w, web, f.name)
			}
			cause := requireFailure(t, err, fault.Unhealthy)
			card := strings.Join(health.FormatCause(cause, ""), "\n")
			t.Logf("after %s: %v\n%s", took.Round(100*time.Millisecond), err, card)
			if cause.Reason != f.want && cause.Reason != f.or {
				t.Errorf("got cause %s, want %s", cause.Reason, f.want)
			}
			if took > f.within {
				t.Errorf("got failure after %s, want at most %s", took, f.within)
			}
			for _, text := range f.says {
				if !strings.Contains(card, text) {
					t.Errorf("got card without %q", text)
				}
			}
		})
	}
}

// visibility records when progress first shows a fault, or when the test began.
type visibility struct{ begin, first time.Time }

var harmless = regexp.MustCompile(`: (creating|waiting for a node|pulling image .*|running, not ready yet)$|ready$`)

func (v *visibility) Report(e event.Event) {
	if e.Kind == event.ItemProgress && v.first.IsZero() && !harmless.MatchString(e.Message) {
		v.first = time.Now()
	}
}

func (v *visibility) age() time.Duration {
	if v.first.IsZero() {
		return time.Since(v.begin)
	}
	return time.Since(v.first)
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
