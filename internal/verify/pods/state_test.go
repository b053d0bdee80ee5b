package pods

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestStartError(t *testing.T) {
	t.Parallel()
	status := func(name string, state corev1.ContainerState, restarts int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: state, RestartCount: restarts}
	}
	ended := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, Message: message}}
	}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
	for name, test := range map[string]struct {
		init, main corev1.ContainerStatus
		want       string
	}{
		"nothing started":            {status("init", waiting, 0), status("main", waiting, 0), ""},
		"init container not started": {status("init", ended("StartError", "unable to freeze"), 0), status("main", waiting, 0), "unable to freeze"},
		"no message":                 {status("init", ended("StartError", ""), 0), status("main", waiting, 0), "StartError"},
		"init container ran":         {status("init", ended("Completed", ""), 0), status("main", ended("StartError", "unable to freeze"), 0), ""},
		"restarted container":        {status("init", ended("StartError", "unable to freeze"), 1), status("main", waiting, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{Status: corev1.PodStatus{
				InitContainerStatuses: []corev1.ContainerStatus{test.init},
				ContainerStatuses:     []corev1.ContainerStatus{test.main},
			}}
			if got := StartError(pod); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
