package verify

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"

	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func serviceFeed() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "feed", Namespace: "app"},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.96.0.7",
			Selector:  map[string]string{"app": "feed"},
			Ports:     []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("web")}},
		},
	}
}

func podFeed(name string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "app", Labels: map[string]string{"app": "feed"}},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
}

func ended(pod *corev1.Pod, phase corev1.PodPhase) *corev1.Pod {
	pod.Status.Phase = phase
	return pod
}

func endpointsFeed(ready bool, port string, addresses ...string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "feed-x", Namespace: "app", Labels: map[string]string{discoveryv1.LabelServiceName: "feed"}}}
	if port != "" {
		slice.Ports = []discoveryv1.EndpointPort{{Name: &port, Port: new(int32(8080))}}
	}
	for _, a := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}})
	}
	return slice
}

// Row 47 of the fault list.
func TestRunner_cause(t *testing.T) {
	t.Parallel()
	headless, external, bare := serviceFeed(), serviceFeed(), serviceFeed()
	headless.Spec.ClusterIP = corev1.ClusterIPNone
	external.Spec.Type, external.Spec.ExternalName = corev1.ServiceTypeExternalName, "feed.example.com"
	bare.Spec.Selector = nil

	for name, test := range map[string]struct {
		objects []runtime.Object
		reason  probe.Reason
		want    string
	}{
		"no Service":          {nil, probe.Unresolved, `service "feed" not found in namespace "app"`},
		"no pod":              {[]runtime.Object{serviceFeed()}, probe.Refused, "Service feed has no ready endpoints: its selector app=feed matches no pod"},
		"one unready pod":     {[]runtime.Object{serviceFeed(), podFeed("a", "False"), endpointsFeed(false, "http", "10.244.0.7")}, probe.Unreachable, "Service feed has no ready endpoints: its selector app=feed matches 1 pod, not ready"},
		"two unready pods":    {[]runtime.Object{serviceFeed(), podFeed("a", "False"), podFeed("b", "Unknown")}, probe.Refused, "Service feed has no ready endpoints: its selector app=feed matches 2 pods, none ready"},
		"ended pods":          {[]runtime.Object{serviceFeed(), ended(podFeed("a", "False"), corev1.PodSucceeded), ended(podFeed("b", "False"), corev1.PodFailed)}, probe.Refused, "Service feed has no ready endpoints: its selector app=feed matches no pod"},
		"no selector":         {[]runtime.Object{bare}, probe.Refused, "Service feed has no ready endpoints: it has no selector"},
		"no such target port": {[]runtime.Object{serviceFeed(), endpointsFeed(true, "", "10.244.0.7")}, probe.Refused, "Service feed has no endpoints for port 80: no pod has the targetPort web"},
		"nothing listens":     {[]runtime.Object{serviceFeed(), endpointsFeed(true, "http", "10.244.0.7", "10.244.0.8")}, probe.Refused, "Service feed has the ready endpoints 10.244.0.7:8080, 10.244.0.8:8080, where nothing listens"},
		"dropped packets":     {[]runtime.Object{serviceFeed(), endpointsFeed(true, "http", "10.244.0.7")}, probe.Unreachable, "Service feed has the ready endpoints 10.244.0.7:8080; check that NetworkPolicies allow pods with the label tkdeploy.dev/smoke=true"},
		"headless Service":    {[]runtime.Object{headless}, probe.Unresolved, "Service feed has no ready endpoints: its selector app=feed matches no pod"},
		"name not known yet":  {[]runtime.Object{serviceFeed()}, probe.Unresolved, "Service feed exists and has the address 10.96.0.7"},
		"ExternalName":        {[]runtime.Object{external}, probe.Unresolved, "Service feed is an alias for feed.example.com"},
		"unexpected response": {[]runtime.Object{serviceFeed()}, probe.Unexpected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(optionsFor(fake.NewClientset(test.objects...)))
			got := r.cause(t.Context(), probe.Result{ID: "feed/tcp-80", Reason: test.reason, Check: threeChecks[2]})
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestRunner_logCause(t *testing.T) {
	t.Parallel()
	pod := podFeed("feed-1", "True")
	pod.Spec.Containers = []corev1.Container{{Name: "feed"}}
	derived := probe.Check{ID: "feed/http-health", Service: "feed", Kind: probe.HTTP, Target: probe.Target{Host: "feed", Port: 80}}
	extra := probe.Check{ID: "front page", Kind: probe.HTTP, Target: probe.Target{Host: "feed", Port: 80}}
	const want = "log of pod feed-1: TypeError: posts is undefined"
	for name, test := range map[string]struct {
		check  probe.Check
		status int
		log    string
		want   string
	}{
		"quotes the last line with an error": {derived, 500, "error: old\nTypeError: posts is undefined\nGET / 500\n", want},
		"reads the log for an extra check":   {extra, 502, "TypeError: posts is undefined\n", want},
		"ignores a log without errors":       {derived, 500, "GET / 500\n", ""},
		"ignores a client error":             {derived, 404, "TypeError: posts is undefined\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := (&podstest.Kubelet{Logs: []string{test.log}}).Cluster(t, serviceFeed(), pod)
			result := probe.Result{Reason: probe.Unexpected, Check: test.check, Answer: probe.Answer{Status: test.status}}
			if got := New(optionsFor(client)).cause(t.Context(), result); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
