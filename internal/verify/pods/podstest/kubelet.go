// Package podstest provides a fake API server with a kubelet.
package podstest

import (
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

// Kubelet sets the states of a created pod, one second apart, and serves its
// logs. It must run in a synctest bubble.
type Kubelet struct {
	States []corev1.PodStatus
	First  []corev1.PodStatus // of the first pod, if different
	Logs   []string           // one per opening; the last one repeats
	LogErr map[int]error      // by number of the opening, from 1

	Working sync.WaitGroup // goroutines to wait for in the cleanup

	opened int
}

// Cluster returns a fake API server with the kubelet.
func (k *Kubelet) Cluster(t *testing.T, objects ...runtime.Object) *fake.Clientset {
	t.Helper()
	t.Cleanup(k.Working.Wait)
	client := fake.NewClientset(objects...)
	client.PrependReactor("create", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
		pod := action.(k8stesting.CreateAction).GetObject().(*corev1.Pod).DeepCopy()
		k.Working.Go(func() { k.run(client, pod) })
		return false, nil, nil
	})
	client.PrependReactor("get", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "log" {
			return false, nil, nil
		}
		k.opened++
		if err := k.LogErr[k.opened]; err != nil {
			return true, nil, err
		}
		text := k.Logs[min(k.opened, len(k.Logs))-1]
		return true, &runtime.Unknown{Raw: []byte(text)}, nil
	})
	return client
}

func (k *Kubelet) run(client *fake.Clientset, pod *corev1.Pod) {
	states := k.States
	if k.First != nil {
		states, k.First = k.First, nil
	}
	for _, state := range states {
		time.Sleep(time.Second)
		pod.Status = state
		if client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), pod, pod.Namespace) != nil {
			return // deleted
		}
	}
}

// SilentWatch makes watches stay open without events.
func SilentWatch() k8stesting.WatchReactionFunc {
	return func(k8stesting.Action) (bool, watch.Interface, error) { return true, watch.NewRaceFreeFake(), nil }
}
