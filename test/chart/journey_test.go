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

func TestTheJourneyIsATestOfHelms(t *testing.T) {
	t.Parallel()
	pod := journeyPod(t, render(t, "dev"))
	const policy = "before-hook-creation,hook-succeeded" // what failed stays, with its log
	if hook := pod.Annotations["helm.sh/hook"]; hook != "test" || pod.Annotations["helm.sh/hook-delete-policy"] != policy {
		t.Errorf("annotations %v", pod.Annotations)
	}
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever || pod.Spec.ActiveDeadlineSeconds == nil {
		t.Errorf("restart policy %q, deadline %v: it runs once, and not for ever", pod.Spec.RestartPolicy, pod.Spec.ActiveDeadlineSeconds)
	}
	if image := pod.Spec.Containers[0].Image; image != "tiktok-journey:b8c9d0" {
		t.Errorf("it runs %s", image)
	}
}

func TestTheJourneyIsToldWhereTheGatewayIsAndNothingElse(t *testing.T) {
	t.Parallel()
	s := render(t, "dev", "services.gateway.name=way-in", "services.gateway.port=4040")
	c := journeyPod(t, s).Spec.Containers[0]
	want := corev1.EnvVar{Name: "GATEWAY_URL", Value: "http://way-in:4040"}
	if len(c.Env) != 1 || c.Env[0] != want || len(c.EnvFrom) > 0 {
		t.Errorf("environment %v %v, want %v alone", c.Env, c.EnvFrom, want)
	}
}

func TestTheJourneyReachesTheGatewayAlone(t *testing.T) {
	t.Parallel()
	s := render(t, "dev")
	journey := party(journeyPod(t, s).Labels)
	if journey["tkdeploy.dev/smoke"] != "true" {
		t.Errorf("labels %v lack the one that every policy lets in", journey)
	}
	if !allowed(s, journey, pod("api-gateway"), 4000) {
		t.Error("it does not reach the gateway")
	}
	for name, w := range workloads(s) {
		for _, c := range w.pod.Spec.Containers {
			for _, port := range c.Ports {
				if name != "api-gateway" && allowed(s, journey, pod(name), port.ContainerPort) {
					t.Errorf("it reaches %s at %d", name, port.ContainerPort)
				}
			}
		}
	}
}

func TestThereIsNoJourneyWithoutAllThatItMeets(t *testing.T) {
	t.Parallel()
	for _, off := range []string{
		"journey", "services.gateway", "services.auth", "services.video", "services.interaction", "services.notification",
	} {
		for id := range render(t, "dev", off+".enabled=false") {
			if strings.HasSuffix(id, " journey") {
				t.Errorf("without %s there is still the %s", off, id)
			}
		}
	}
}
