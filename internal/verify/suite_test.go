package verify

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func podHook() hooks.Hook {
	return hooks.Hook{
		Name:           "journey",
		Resource:       corev1.SchemeGroupVersion.WithResource("pods"),
		DeletePolicies: []string{"hook-failed"},
		Object: unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "journey", "namespace": "app"},
			"spec": map[string]any{"restartPolicy": "Never", "containers": []any{map[string]any{"name": "test", "image": "journey:1"}}},
		}},
	}
}

func hookPodStatus(phase corev1.PodPhase, state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "test", State: state}}}
}

func countPodsIn(t *testing.T, client kubernetes.Interface) int {
	t.Helper()
	pods, err := client.CoreV1().Pods("app").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(pods.Items)
}

func TestRunner_Verify(t *testing.T) {
	t.Parallel()
	t.Run("joins failures of checks and hooks", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			checkLog := line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) +
				line(t, probe.Result{ID: "feed/tcp-80", Outcome: probe.Failed, Reason: probe.Refused, Message: "connect to tcp://feed:80: connection refused", Attempts: 1})
			client := (&podstest.Kubelet{States: []corev1.PodStatus{
				hookPodStatus(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}),
				hookPodStatus(corev1.PodFailed, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}),
			}, Logs: []string{""}}).Cluster(t)
			client.PrependReactor("get", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
				if action.GetSubresource() != "log" {
					return false, nil, nil
				}
				log := "TAP version 14\n1..1\nnot ok 1 - register\n"
				if action.(k8stesting.GenericAction).GetValue().(*corev1.PodLogOptions).Container == containerName {
					log = checkLog
				}
				return true, &runtime.Unknown{Raw: []byte(log)}, nil
			})
			options := optionsFor(client)
			options.Objects = podstest.Dynamic(client)
			start := time.Now()
			err := New(options).Verify(t.Context(), threeChecks, []hooks.Hook{podHook()}, event.Discard)
			want := "feed: connect to tcp://feed:80: connection refused; service \"feed\" not found in namespace \"app\"\njourney: step \"register\" failed"
			if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Smoke {
				t.Errorf("got  %v of class %q\nwant %s of class %q", err, fault.ClassOf(err), want, fault.Smoke)
			}
			if hint, want := fault.HintOf(err), "kubectl -n app describe service feed\nrun \"tkdeploy verify\" again"; hint != want {
				t.Errorf("got hint %q, want %q", hint, want)
			}
			took, left := time.Since(start), countPodsIn(t, client)
			if took != 2*time.Second || left != 0 {
				t.Errorf("took %v, %d pods left; want 2s, none left", took, left)
			}
		})
	})
}
