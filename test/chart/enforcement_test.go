package chart_test

import (
	"encoding/json"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// deployed returns the stack's policies and a ready pod for each workload.
func deployed(s stack) (objects []runtime.Object) {
	for _, o := range s {
		if policy, ok := o.(*networkingv1.NetworkPolicy); ok {
			policy.Namespace = namespace
			objects = append(objects, policy)
		}
	}
	for name, w := range workloads(s) {
		pod := &corev1.Pod{ObjectMeta: w.pod.ObjectMeta, Spec: w.pod.Spec}
		pod.Name, pod.Namespace = name+"-0", namespace
		pod.Status.PodIP = "10.244.0.7"
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		objects = append(objects, pod)
	}
	return objects
}

// checksOf returns the checks of the smoke test pod. The fake API server rejects the pod,
// which ends the smoke test.
func checksOf(t *testing.T, objects []runtime.Object) (got []probe.Check) {
	t.Helper()
	client := fake.NewClientset(objects...)
	rejected := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "smoke", errors.New("rejected by the test"))
	client.PrependReactor("create", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
		pod := action.(k8stesting.CreateAction).GetObject().(*corev1.Pod)
		in, err := probe.Unpack(pod.Spec.Containers[0].Env[0].Value)
		if err == nil {
			err = json.NewDecoder(in).Decode(&got)
		}
		if err != nil {
			t.Error(err)
		}
		return true, nil, rejected
	})
	runner := verify.New(verify.Options{Client: client, Namespace: namespace, Release: "tiktok-clone", Image: "tkdeploy:1"})
	if err := runner.Verify(t.Context(), []probe.Check{{ID: checks.ClusterDNS, Kind: probe.DNS}}, nil, event.Discard); !errors.Is(err, rejected) {
		t.Fatal(err)
	}
	return got
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	// Row 54 of the fault list. The policies forbid the smoke test only the port
	// of Kafka's controller.
	t.Run("tries the port of Kafka's controller", func(t *testing.T) {
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			got := checksOf(t, deployed(s))
			want := probe.Target{Host: "10.244.0.7", Port: 9093, Pod: "kafka-0", AllowedPort: 9092}
			if len(got) != 2 || got[1].ID != checks.NetworkPolicies || got[1].Target != want {
				t.Errorf("got checks %+v, want the second to be %s of %+v", got, checks.NetworkPolicies, want)
			}
		})
	})
}
