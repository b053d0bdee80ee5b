//go:build e2e

package rollout

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// TestWatcher_WaitHealsE2E waits for problems that outlast their grace and heal.
func TestWatcher_WaitHealsE2E(t *testing.T) {
	t.Parallel()
	c := connect(t)
	t.Run("an old pod that holds the host port until it is killed", func(t *testing.T) {
		t.Parallel()
		ns, grace, one := c.namespace(t, "host-port", nil), int64(25), port(1)
		d := c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) {
			shell("sleep 1000")(p, i) // as process 1 it ignores SIGTERM
			p.TerminationGracePeriodSeconds = &grace
			p.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 31987}}
		})
		d.Spec.Strategy = appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &one}}
		c.create(t, ns, d)
		w, o := Watcher{Client: c.client, Timeout: 2 * time.Minute}, object(health.Deployment, ns, "web")
		if err := w.Wait(t.Context(), []health.Object{o}, event.Discard); err != nil {
			t.Fatal(err)
		}
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "REVISION", Value: "2"}}
		if _, err := c.client.AppsV1().Deployments(ns).Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := w.Wait(t.Context(), []health.Object{o}, logReporter(t)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 25*time.Second {
			t.Errorf("got ready after %s, want at least the grace period of 25s", took)
		}
	})
	t.Run("a service that exits until its database is ready", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, "dependency", nil)
		db := c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) {
			shell("sleep 50; touch /ready; sleep 1000")(p, i)
			p.Containers[0].ReadinessProbe = &corev1.Probe{
				ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "[ -f /ready ]"}}}, PeriodSeconds: 2,
			}
		})
		db.Name = "db"
		db.Spec.Selector.MatchLabels = map[string]string{"app": "db"}
		db.Spec.Template.Labels = map[string]string{"app": "db"}
		c.create(t, ns, db)
		c.create(t, ns, c.deployment(ns, 1, func(p *corev1.PodSpec, i nodeImages) {
			volume(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})(p, i)
			shell("echo run >>/v/runs; if [ $(wc -l </v/runs) -gt 4 ]; then sleep 1000; fi; exit 1")(p, i) // the fifth run starts after 80s
		}))
		w := Watcher{Client: c.client, Timeout: 4 * time.Minute}
		objects := []health.Object{object(health.Deployment, ns, "web"), object(health.Deployment, ns, "db")}
		if err := w.Wait(t.Context(), objects, logReporter(t)); err != nil {
			t.Fatal(err)
		}
	})
}
