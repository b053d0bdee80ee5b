package chart_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func journeyPod(t *testing.T, s stack) *corev1.Pod {
	t.Helper()
	return get[*corev1.Pod](t, s, "Pod journey")
}

func TestJourney(t *testing.T) {
	t.Parallel()
	t.Run("is a Helm test hook", func(t *testing.T) {
		t.Parallel()
		pod := journeyPod(t, render(t, "dev"))
		const policy = "before-hook-creation,hook-succeeded" // keeps a failed pod with its log
		if hook := pod.Annotations["helm.sh/hook"]; hook != "test" || pod.Annotations["helm.sh/hook-delete-policy"] != policy {
			t.Errorf("got annotations %v, want hook test and delete policy %s", pod.Annotations, policy)
		}
		if pod.Spec.RestartPolicy != corev1.RestartPolicyNever || pod.Spec.ActiveDeadlineSeconds == nil {
			t.Errorf("got restart policy %q and deadline %v, want Never and a deadline", pod.Spec.RestartPolicy, pod.Spec.ActiveDeadlineSeconds)
		}
		if image := pod.Spec.Containers[0].Image; image != "tiktok-journey:b8c9d0" {
			t.Errorf("got image %s, want tiktok-journey:b8c9d0", image)
		}
	})

	t.Run("gets only the gateway's address", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev", "services.gateway.name=way-in", "services.gateway.port=4040")
		c := journeyPod(t, s).Spec.Containers[0]
		want := corev1.EnvVar{Name: "GATEWAY_URL", Value: "http://way-in:4040"}
		if len(c.Env) != 1 || c.Env[0] != want || len(c.EnvFrom) > 0 {
			t.Errorf("got environment %v %v, want only %v", c.Env, c.EnvFrom, want)
		}
	})

	t.Run("reaches only the gateway", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev")
		journey := party(journeyPod(t, s).Labels)
		if journey["tkdeploy.dev/smoke"] != "true" {
			t.Errorf("got labels %v, want the label that all policies allow", journey)
		}
		if !allowed(s, journey, pod("api-gateway"), 4000) {
			t.Error("the journey cannot connect to the gateway")
		}
		for name, w := range workloads(s) {
			for _, c := range w.pod.Spec.Containers {
				for _, port := range c.Ports {
					if name != "api-gateway" && allowed(s, journey, pod(name), port.ContainerPort) {
						t.Errorf("the journey can connect to %s:%d", name, port.ContainerPort)
					}
				}
			}
		}
	})

	t.Run("requires all five Go services", func(t *testing.T) {
		t.Parallel()
		for _, off := range []string{
			"journey", "services.gateway", "services.auth", "services.video", "services.interaction", "services.notification",
		} {
			for id := range render(t, "dev", off+".enabled=false") {
				if strings.HasSuffix(id, " journey") {
					t.Errorf("without %s: got %s, want none", off, id)
				}
			}
		}
	})
}
