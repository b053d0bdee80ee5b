package address

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"

	"tkdeploy.dev/tkdeploy/internal/cluster"
)

func TestOf(t *testing.T) {
	t.Parallel()
	published := cluster.Spec{Ports: []cluster.Port{{Host: 8080, Node: 30080}}}
	secure := "https"
	port := func(name string) corev1.ServicePort { return corev1.ServicePort{Name: name, Port: 80, NodePort: 30080} }
	tests := map[string]struct {
		spec corev1.ServiceSpec
		want string
	}{
		"HTTP without a name":      {corev1.ServiceSpec{Ports: []corev1.ServicePort{port("")}}, "http://localhost:8080"},
		"HTTP by any other name":   {corev1.ServiceSpec{Ports: []corev1.ServicePort{port("web")}}, "http://localhost:8080"},
		"HTTPS by name":            {corev1.ServiceSpec{Ports: []corev1.ServicePort{port("https-web")}}, "https://localhost:8080"},
		"HTTPS by number":          {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443, NodePort: 30080}}}, "https://localhost:8080"},
		"HTTPS by appProtocol":     {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "web", AppProtocol: &secure, Port: 80, NodePort: 30080}}}, "https://localhost:8080"},
		"another protocol":         {corev1.ServiceSpec{Ports: []corev1.ServicePort{port("postgresql")}}, "localhost:8080"},
		"port without a name":      {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 5432, NodePort: 30080}}}, "localhost:8080"},
		"UDP":                      {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "web", Port: 80, NodePort: 30080, Protocol: corev1.ProtocolUDP}}}, "localhost:8080"},
		"not published":            {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, NodePort: 30081}}}, ""},
		"second port is published": {corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "metrics", Port: 9090}, port("http")}}, "http://localhost:8080"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Of(corev1.Service{Spec: tt.spec}, published); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	t.Run("names the machine of a remote engine", func(t *testing.T) {
		t.Parallel()
		remote := cluster.Spec{Ports: published.Ports, Machine: "docker"}
		service := corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{port("")}}}
		if got := Of(service, remote); got != "http://docker:8080" {
			t.Errorf("got %q, want the engine's machine", got)
		}
	})
	t.Run("uses the address of a load balancer", func(t *testing.T) {
		t.Parallel()
		service := corev1.Service{
			Spec:   corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
			Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "172.18.0.9"}}}},
		}
		if got := Of(service, cluster.Spec{}); got != "http://172.18.0.9:80" {
			t.Errorf("got %q, want the address of the load balancer", got)
		}
	})
}

func TestUnused(t *testing.T) {
	t.Parallel()
	published := []cluster.Port{{Host: 8080, Node: 30080}, {Host: 80, Node: 80}, {Host: 443, Node: 443}, {Host: 3000, Node: 30300}}
	services := []corev1.Service{{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080}}}}}
	pods := []corev1.Pod{
		{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80, ContainerPort: 8080}}}}}},
		{Spec: corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{ContainerPort: 443}}}}}},
	}
	if diff := cmp.Diff([]cluster.Port{{Host: 3000, Node: 30300}}, Unused(published, services, pods)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	service := func(namespace, name string, nodePort int32) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, NodePort: nodePort}}},
		}
	}
	balanced := service("app", "edge", 0)
	balanced.Spec.Type = corev1.ServiceTypeLoadBalancer
	kube := fake.NewClientset(service("app", "web", 30080), service("app", "other", 0), service("ops", "web", 0), service("app", "db", 0), balanced)
	var objects []unstructured.Unstructured
	for _, key := range []string{"/web", "ops/web", "app/db", "/edge"} {
		namespace, name, _ := strings.Cut(key, "/")
		o := unstructured.Unstructured{Object: map[string]any{"kind": "Service"}}
		o.SetNamespace(namespace)
		o.SetName(name)
		objects = append(objects, o)
	}
	services, warnings, err := List(t.Context(), kube, "app", objects, cluster.Spec{Ports: []cluster.Port{{Host: 8080, Node: 30080}, {Host: 3000, Node: 30300}}})
	if err != nil {
		t.Fatal(err)
	}
	ports := []string{"80"}
	want := []Service{
		{Name: "db", Ports: ports},
		{Name: "edge", Ports: ports, Pending: true},
		{Name: "web", Ports: ports, Address: "http://localhost:8080"},
		{Name: "web.ops", Ports: ports},
	}
	if diff := cmp.Diff(want, services); diff != "" {
		t.Errorf("services (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"port 3000 of this machine leads nowhere: no Service has the nodePort 30300"}, warnings); diff != "" {
		t.Errorf("warnings (-want +got)\n%s", diff)
	}
}
