package drain

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

func node(name string, taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: taints}}
}

func pod(namespace, name string, volume bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	if volume {
		p.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	}
	return p
}

// newCluster returns a client whose kubelet calls end for each deleted pod.
func newCluster(end func(*fake.Clientset, *corev1.Pod), objects ...runtime.Object) *fake.Clientset {
	client := fake.NewClientset(objects...)
	client.PrependReactor("delete-collection", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
		pods, err := client.Tracker().List(corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod"), action.GetNamespace())
		if err != nil {
			return true, nil, err
		}
		for _, p := range pods.(*corev1.PodList).Items {
			end(client, &p)
		}
		return true, nil, nil
	})
	return client
}

func terminated(client *fake.Clientset, p *corev1.Pod) {
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	_ = client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("pods"), p, p.Namespace)
}

func removed(client *fake.Clientset, p *corev1.Pod) {
	_ = client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), p.Namespace, p.Name)
}

func ignored(*fake.Clientset, *corev1.Pod) {}

func TestPods(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(*fake.Clientset, *corev1.Pod)
		pods []runtime.Object
		want []string
	}{
		"waits for the end of the containers": {terminated, []runtime.Object{pod("shop", "redis-0", true), pod("shop", "web", false)}, nil},
		"accepts removed pods":                {removed, []runtime.Object{pod("shop", "redis-0", true), pod("blog", "db-0", true)}, nil},
		"does not wait for other pods":        {ignored, []runtime.Object{pod("shop", "web", false)}, nil},
		"leaves the system's pods alone":      {func(*fake.Clientset, *corev1.Pod) { panic("ended") }, []runtime.Object{pod("kube-system", "etcd", true), pod("local-path-storage", "provisioner", true)}, nil},
		"returns the pods that still run":     {ignored, []runtime.Object{pod("shop", "redis-0", true), pod("blog", "db-0", true)}, []string{"blog/db-0", "shop/redis-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newCluster(test.end, append(test.pods, node("shop-dev-control-plane"))...)
			left, err := Pods(t.Context(), client, 300*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, left); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}

	t.Run("ends with the cause of a canceled run", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("lost the lease")
		client := newCluster(func(*fake.Clientset, *corev1.Pod) { cancel(cause) }, pod("shop", "redis-0", true), node("shop-dev-control-plane"))
		if _, err := Pods(ctx, client, time.Minute); !errors.Is(err, cause) {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
}

func TestUndo(t *testing.T) {
	t.Parallel()
	other := corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}
	client := newCluster(terminated, node("shop-dev-control-plane", other), node("shop-dev-worker"))
	taints := func() map[string][]corev1.Taint {
		nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string][]corev1.Taint{}
		for _, n := range nodes.Items {
			found[n.Name] = n.Spec.Taints
		}
		return found
	}
	before := taints()
	for range 2 { // as after an interrupted call
		if _, err := Pods(t.Context(), client, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]corev1.Taint{"shop-dev-control-plane": {other, taint}, "shop-dev-worker": {taint}}
	if diff := cmp.Diff(want, taints()); diff != "" {
		t.Errorf("after Pods (-want +got):\n%s", diff)
	}
	if err := Undo(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before["shop-dev-control-plane"], taints()["shop-dev-control-plane"]); diff != "" || len(taints()["shop-dev-worker"]) > 0 {
		t.Errorf("got taints %v after Undo, want those before", taints())
	}
}
