package verify

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
)

func appPod(change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "feed-1", Namespace: "app", Labels: map[string]string{"app": "feed"}}}
	if change != nil {
		change(pod)
	}
	return pod
}

func deployment(replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "feed", Namespace: "app"},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
	}
}

func TestRunner_skipWithoutPods(t *testing.T) {
	t.Parallel()
	selected := checks.Backend{
		Service: "feed", Namespace: "app", Name: "feed", Selector: map[string]string{"app": "feed"},
		Workloads: []checks.Workload{{Kind: "Deployment", Name: "feed", MayBeZero: true}},
	}
	fixed := selected
	fixed.Workloads = []checks.Workload{{Kind: "Deployment", Name: "feed"}}
	byKEDA := deployment(0)
	byKEDA.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "keda-operator", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "scale"}}
	headless := selected
	headless.Headless = true
	unpromised := selected
	unpromised.Workloads, unpromised.NotPromised = nil, "no pod of Job train is running"
	external := checks.Backend{Service: "feed", Namespace: "app", Name: "feed", NotPromised: "it has no selector and no endpoints"}
	const all = "cluster-dns feed/dns feed/tcp-80"
	tests := map[string]struct {
		backend checks.Backend
		objects []runtime.Object
		want    string // the checks left
		reason  string
	}{
		"checks a Service with pods":                   {selected, []runtime.Object{deployment(1), appPod(nil)}, all, ""},
		"checks a Service whose pods are missing":      {selected, []runtime.Object{deployment(1)}, all, ""},
		"checks a Service whose workload is missing":   {selected, nil, all, ""},
		"checks a Service with a wrong selector":       {checks.Backend{Service: "feed", Namespace: "app", Name: "feed", Selector: map[string]string{"app": "fed"}}, nil, all, ""},
		"skips a Service scaled to 0":                  {selected, []runtime.Object{deployment(0)}, "cluster-dns feed/dns", "feed is scaled to 0"},
		"checks a Service scaled to 0 by hand":         {fixed, []runtime.Object{deployment(0)}, all, ""},
		"skips a Service scaled to 0 by an autoscaler": {fixed, []runtime.Object{byKEDA}, "cluster-dns feed/dns", "feed is scaled to 0"},
		"skips a Service whose last pod terminates": {selected, []runtime.Object{deployment(0), appPod(func(p *corev1.Pod) {
			p.DeletionTimestamp, p.Finalizers = &metav1.Time{}, []string{"kubelet"}
		})}, "cluster-dns feed/dns", "feed is scaled to 0"},
		"skips the names of a headless Service": {headless, []runtime.Object{deployment(0)}, "cluster-dns", "feed is scaled to 0"},
		"skips a Service of a finished Job": {unpromised, []runtime.Object{appPod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })},
			"cluster-dns feed/dns", "no pod of Job train is running"},
		"checks a Service whose pod appeared at run time": {unpromised, []runtime.Object{appPod(nil)}, all, ""},
		"skips a Service without endpoints":               {external, nil, "cluster-dns feed/dns", "it has no selector and no endpoints"},
		"checks a Service with endpoints of its own": {external, []runtime.Object{&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: "feed-x", Namespace: "app", Labels: map[string]string{discoveryv1.LabelServiceName: "feed"}},
			Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}},
		}}, all, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := optionsFor(fake.NewClientset(tt.objects...))
			options.Backends = []checks.Backend{tt.backend}
			r := New(options)
			pods, err := r.listPods(t.Context(), "app")
			if err != nil {
				t.Fatal(err)
			}
			var skipped []string
			left, err := r.skipWithoutPods(context.Background(), threeChecks, pods, event.ReporterFunc(func(e event.Event) {
				skipped = append(skipped, fmt.Sprintf("%s %s: %s", e.Item, e.Outcome, e.Message))
			}))
			if err != nil {
				t.Fatal(err)
			}
			var ids, want []string
			for _, c := range left {
				ids = append(ids, c.ID)
			}
			for _, c := range threeChecks {
				if !strings.Contains(tt.want, c.ID) {
					want = append(want, c.ID+" blocked: skipped: "+tt.reason)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(ids, " ")); diff != "" {
				t.Errorf("checks (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(want, skipped); diff != "" {
				t.Errorf("events (-want +got)\n%s", diff)
			}
		})
	}
}
