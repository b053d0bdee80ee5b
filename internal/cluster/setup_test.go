package cluster

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTuneCoreDNS(t *testing.T) {
	t.Parallel()
	coredns := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system"}}
	coredns.Spec.Template.Spec.Containers = []corev1.Container{{Name: "coredns", ReadinessProbe: &corev1.Probe{PeriodSeconds: 10, TimeoutSeconds: 3}}}
	client := fake.NewClientset(coredns)
	if err := tuneCoreDNS(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	got, err := client.AppsV1().Deployments("kube-system").Get(t.Context(), "coredns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if probe := got.Spec.Template.Spec.Containers[0].ReadinessProbe; probe.PeriodSeconds != 1 || probe.TimeoutSeconds != 3 {
		t.Errorf("got probe %+v, want period 1 and timeout 3", probe)
	}
	if err := tuneCoreDNS(t.Context(), fake.NewClientset()); err != nil {
		t.Errorf("without CoreDNS: %v", err)
	}
}
