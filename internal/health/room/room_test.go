package room

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	container := func(cpu, memory string) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
		}}}
	}
	sidecar := container("100m", "64Mi")
	always := corev1.ContainerRestartPolicyAlways
	sidecar.RestartPolicy = &always
	tests := []struct {
		name string
		spec corev1.PodSpec
		want string
	}{
		{"adds up the containers", corev1.PodSpec{Containers: []corev1.Container{container("250m", "128Mi"), container("250m", "128Mi")}}, "cpu 0.5, memory 256Mi"},
		{"takes the largest init container", corev1.PodSpec{Containers: []corev1.Container{container("250m", "128Mi")}, InitContainers: []corev1.Container{container("2", "64Mi")}}, "cpu 2, memory 128Mi"},
		{"adds sidecars", corev1.PodSpec{Containers: []corev1.Container{container("400m", "64Mi")}, InitContainers: []corev1.Container{sidecar}}, "cpu 0.5, memory 128Mi"},
		{"is empty without requests", corev1.PodSpec{Containers: make([]corev1.Container, 1)}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Requests(&corev1.Pod{Spec: test.spec}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCanFit(t *testing.T) {
	t.Parallel()
	node := &corev1.Node{}
	node.Labels = map[string]string{"disk": "ssd"}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
	cpu := func(s string) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(s)}}}}}
	}
	tests := []struct {
		name string
		spec corev1.PodSpec
		want bool
	}{
		{"takes a pod of the node's size", cpu("2"), true},
		{"rejects a larger pod", cpu("2100m"), false},
		{"takes a pod that selects the node", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}, true},
		{"rejects a pod that selects another node", corev1.PodSpec{NodeSelector: map[string]string{"disk": "hdd"}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := CanFit(&corev1.Pod{Spec: test.spec}, node); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
