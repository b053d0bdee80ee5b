//go:build e2e

package rollout

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func logReporter(t *testing.T) event.Reporter {
	begin := time.Now()
	return event.ReporterFunc(func(e event.Event) {
		t.Logf("%5.1fs %s %s %s%s", time.Since(begin).Seconds(), e.Kind, e.Item, prefix(e), e.Message)
	})
}

func TestWatcher_WaitE2E(t *testing.T) {
	t.Parallel()
	c := connect(t)
	t.Run("all kinds become ready, then stay unchanged", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "kinds", nil)
		c.create(t, ns, c.deployment(ns, 2, nil))
		c.create(t, ns, c.statefulSet("db", 2))
		c.create(t, ns, c.daemonSet("agent"))
		c.create(t, ns, c.job("migrate", "echo done"))
		objects := []health.Object{object(health.Deployment, ns, "web"), object(health.StatefulSet, ns, "db"), object(health.DaemonSet, ns, "agent"), object(health.Job, ns, "migrate")}
		w := Watcher{Client: c.client, Timeout: 2 * time.Minute}
		if err := w.Wait(t.Context(), objects, logReporter(t)); err != nil {
			t.Fatal(err)
		}
		var outcomes []event.Outcome
		begin := time.Now()
		if err := w.Wait(t.Context(), objects, event.ReporterFunc(func(e event.Event) { outcomes = append(outcomes, e.Outcome) })); err != nil {
			t.Fatal(err)
		}
		t.Logf("the second wait took %s", time.Since(begin))
		if got := fmt.Sprint(outcomes); got != "[unchanged unchanged unchanged unchanged]" {
			t.Errorf("got outcomes %s, want four times unchanged", got)
		}
	})
	t.Run("one crash, then healthy", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "one-crash", nil)
		c.create(t, ns, c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) {
			volume(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})(p, i)
			shell("if [ -f /v/seen ]; then sleep 1000; fi; touch /v/seen; exit 1")(p, i)
		}))
		w := Watcher{Client: c.client, Timeout: 2 * time.Minute}
		if err := w.Wait(t.Context(), []health.Object{object(health.Deployment, ns, "web")}, logReporter(t)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("broken second revision", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "second-revision", nil)
		d := c.deployment(ns, 2, nil)
		c.create(t, ns, d)
		w, o := Watcher{Client: c.client, Timeout: time.Minute}, object(health.Deployment, ns, "web")
		if err := w.Wait(t.Context(), []health.Object{o}, event.Discard); err != nil {
			t.Fatal(err)
		}
		d.Spec.Template.Spec.Containers[0].Image = "docker.io/library/nowhere:2"
		if _, err := c.client.AppsV1().Deployments(ns).Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		cause := requireFailure(t, w.Wait(t.Context(), []health.Object{o}, logReporter(t)), fault.Unhealthy)
		if *capture {
			c.capture(t, &w, o, "second-revision-broken")
		}
		if cause.Reason != health.ImagePull || len(cause.Pods) != 1 {
			t.Errorf("got cause %s of pods %v, want ImagePull of the one new pod", cause.Reason, cause.Pods)
		}
	})
	t.Run("failed Job", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "job", nil)
		c.create(t, ns, c.job("migrate", "echo no such table; exit 4"))
		w, o := Watcher{Client: c.client, Timeout: time.Minute}, object(health.Job, ns, "migrate")
		cause := requireFailure(t, w.Wait(t.Context(), []health.Object{o}, logReporter(t)), fault.Unhealthy)
		if *capture {
			c.capture(t, &w, o, "job-gave-up")
		}
		if card := strings.Join(health.FormatCause(cause, ""), "\n"); cause.Reason != health.JobFailed || !strings.Contains(card, "| no such table") {
			t.Errorf("got cause %s with card\n%s\nwant JobFailed with the log", cause.Reason, card)
		}
	})
	t.Run("StatefulSet rejected by a quota", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "set-quota", nil)
		c.create(t, ns, noPods())
		c.create(t, ns, c.statefulSet("db", 1))
		w, o := Watcher{Client: c.client, Timeout: time.Minute}, object(health.StatefulSet, ns, "db")
		begin := time.Now()
		cause := requireFailure(t, w.Wait(t.Context(), []health.Object{o}, logReporter(t)), fault.Unhealthy)
		if *capture {
			c.capture(t, &w, o, "stateful-set-quota")
		}
		if took := time.Since(begin); cause.Reason != health.QuotaExceeded || took > 15*time.Second {
			t.Errorf("got cause %s after %s, want QuotaExceeded within 15s", cause.Reason, took)
		}
	})
}

// Fault rows 43 and 45.
func TestWatcher_WaitOutageE2E(t *testing.T) {
	t.Parallel()
	c := connect(t)
	t.Run("API server away for 45 seconds", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "away", nil)
		wire := startWire(t, c.config.Host)
		w := wire.watcher(t, c.config)
		c.create(t, ns, c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) { shell("sleep 1000")(p, i); slowProbe(p) }))
		time.AfterFunc(2*time.Second, wire.cut)
		time.AfterFunc(47*time.Second, wire.mend)
		begin := time.Now()
		if err := w.Wait(t.Context(), []health.Object{object(health.Deployment, ns, "web")}, logReporter(t)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 45*time.Second || took > 60*time.Second {
			t.Errorf("got ready after %s, want 45s to 60s", took)
		}
	})
	t.Run("silent connection", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "silent", nil)
		wire := startWire(t, c.config.Host)
		w := wire.watcher(t, c.config)
		c.create(t, ns, c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) { shell("sleep 1000")(p, i); slowProbe(p) }))
		time.AfterFunc(2*time.Second, wire.freeze)
		if err := w.Wait(t.Context(), []health.Object{object(health.Deployment, ns, "web")}, logReporter(t)); err != nil {
			t.Fatal(err)
		}
		if took := wire.noticed(); took <= 0 || took > 30*time.Second {
			t.Errorf("got a new connection after %s, want within 30s", took)
		}
	})
}

func slowProbe(p *corev1.PodSpec) {
	p.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "exit 0"}}},
		InitialDelaySeconds: 10,
	}
}

// wire is a proxy to the API server whose connections can fail.
type wire struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	down   bool
	frozen []net.Conn // drop their data
	open   []net.Conn

	froze, reopened time.Time // reopened: first new connection
}

func startWire(t *testing.T, host string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, target: strings.TrimPrefix(host, "https://")}
	t.Cleanup(func() { l.Close(); w.cut() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(conn)
		}
	}()
	return w
}

func (w *wire) watcher(t *testing.T, config *rest.Config) *Watcher {
	t.Helper()
	own := rest.CopyConfig(config)
	name, _, err := net.SplitHostPort(w.target)
	if err != nil {
		t.Fatal(err)
	}
	own.Host, own.ServerName = "https://"+w.listener.Addr().String(), name
	watcher, err := New(own)
	if err != nil {
		t.Fatal(err)
	}
	watcher.Timeout = 2 * time.Minute
	return watcher
}

func (w *wire) carry(near net.Conn) {
	far, err := net.Dial("tcp", w.target)
	w.mu.Lock()
	if err != nil || w.down {
		w.mu.Unlock()
		near.Close()
		return
	}
	w.open = append(w.open, near, far)
	if !w.froze.IsZero() && w.reopened.IsZero() {
		w.reopened = time.Now()
	}
	w.mu.Unlock()
	go w.copy(far, near)
	w.copy(near, far)
}

func (w *wire) copy(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if w.isFrozen(to) {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) isFrozen(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.frozen {
		if f == c {
			return true
		}
	}
	return false
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for _, c := range w.open {
		c.Close()
	}
	w.open = nil
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}

// freeze makes the open connections silent, like a firewall that drops packets.
func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = append(w.frozen, w.open...)
	w.froze = time.Now()
}

// noticed returns the time from the freeze to a new connection.
func (w *wire) noticed() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reopened.Sub(w.froze)
}

func (c *realCluster) statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	data := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
	}}
	t := c.template(func(p *corev1.PodSpec, _ nodeImages) {
		p.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	})
	t.Labels = map[string]string{"app": name}
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.StatefulSetSpec{
		Replicas: &replicas, ServiceName: name, Template: t, VolumeClaimTemplates: []corev1.PersistentVolumeClaim{data},
		Selector: &metav1.LabelSelector{MatchLabels: t.Labels},
	}}
}

func (c *realCluster) daemonSet(name string) *appsv1.DaemonSet {
	t := c.template(nil)
	t.Labels = map[string]string{"app": name}
	return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DaemonSetSpec{
		Template: t, Selector: &metav1.LabelSelector{MatchLabels: t.Labels},
	}}
}

func (c *realCluster) job(name, script string) *batchv1.Job {
	tries := int32(1)
	t := c.template(shell(script))
	t.Labels = nil
	t.Spec.RestartPolicy = corev1.RestartPolicyNever
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: batchv1.JobSpec{BackoffLimit: &tries, Template: t}}
}
