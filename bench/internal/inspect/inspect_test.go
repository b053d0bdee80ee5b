package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
)

func pod(name, workload string, restarted int32) corev1.Pod {
	created := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "bench", UID: types.UID(name), CreationTimestamp: created},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "service", Image: "bench/" + workload + ":1", Env: []corev1.EnvVar{{Name: "GREETING", Value: "7"}}}}},
		Status: corev1.PodStatus{
			ContainerStatuses: []corev1.ContainerStatus{{Name: "service", RestartCount: restarted, ImageID: "docker.io/library/import@sha256:" + workload}},
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(created.Add(3 * time.Second))}},
		},
	}
	if workload != "" {
		p.Labels = map[string]string{"pod-template-hash": "abc"}
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: workload + "-abc"}}
	}
	return p
}

func TestCompare(t *testing.T) {
	t.Parallel()
	leaving := pod("auth-1", "auth", 0)
	leaving.DeletionTimestamp = &metav1.Time{}
	before := Snapshot{Revision: 2, Blobs: map[string]int64{"a": 1}, Pods: []corev1.Pod{pod("auth-1", "auth", 0), pod("video-1", "video", 1), pod("video-2", "video", 0), pod("check", "", 5)}}
	for _, test := range []struct {
		name  string
		after Snapshot
		want  Change
	}{
		{"no change", before, Change{SlowestPod: 3}},
		{"rollout, new layers and a restart",
			Snapshot{Revision: 3, Blobs: map[string]int64{"a": 1, "b": 20, "c": 300}, Pods: []corev1.Pod{leaving, pod("auth-2", "auth", 0), pod("video-1", "video", 3)}},
			Change{Revisions: 1, Rolled: 1, Restarted: 2, NewBytes: 320, SlowestPod: 3}},
		{"workload scaled down", Snapshot{Revision: 2, Blobs: before.Blobs, Pods: before.Pods[:2]}, Change{SlowestPod: 3}},
		{"workload scaled up", Snapshot{Revision: 2, Blobs: before.Blobs, Pods: append(slices.Clone(before.Pods), pod("auth-2", "auth", 0))}, Change{SlowestPod: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Compare(before, test.after); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseBlobs(t *testing.T) {
	t.Parallel()
	blobs, err := ParseBlobs("aa 12\nbb 3\n")
	if err != nil || len(blobs) != 2 || blobs["aa"] != 12 {
		t.Errorf("got %v, error %v, want 2 blobs with aa of 12 bytes", blobs, err)
	}
	if _, err := ParseBlobs("find: no such directory\n"); err == nil {
		t.Error("error message as input: got no error")
	}
}

func TestDispatchedRequests(t *testing.T) {
	t.Parallel()
	text := `# HELP x
apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"} 900
apiserver_flowcontrol_dispatched_requests_total{flow_schema="global-default",priority_level="global-default"} 41
`
	if n, err := dispatchedRequests(text); n != 41 || err != nil {
		t.Errorf("got %d, error %v, want 41", n, err)
	}
	if _, err := dispatchedRequests("# HELP x\n"); err == nil {
		t.Error("missing metrics: got no error")
	}
}

// newCluster applies change to the node's blobs.
func newCluster(t *testing.T, change func(map[string]string)) *Cluster {
	t.Helper()
	one := int32(1)
	var objects []runtime.Object
	for _, name := range []string{"auth", "video"} {
		p := pod(name+"-1", name, 0)
		objects = append(objects, &p, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "bench", Generation: 1}, Spec: appsv1.DeploymentSpec{Replicas: &one},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
		})
	}
	blobs := map[string]string{
		"sha256:auth":  `{"manifests":[{"digest":"sha256:att","platform":{"os":"unknown"}},{"digest":"sha256:m","platform":{"os":"linux"}}]}`,
		"sha256:m":     `{"config":{"digest":"sha256:c"}}`,
		"sha256:c":     `{"config":{"Entrypoint":["/auth"]},"rootfs":{"diff_ids":["sha256:base","sha256:auth1"]}}`,
		"sha256:video": `{"config":{},"rootfs":{"diff_ids":["sha256:base","sha256:video1"]}}`,
	}
	if change != nil {
		change(blobs)
	}
	kube := fake.NewClientset(objects...)
	kube.AddProxyReactor("services", func(action clienttesting.Action) (bool, rest.ResponseWrapper, error) {
		return true, response(action.(clienttesting.ProxyGetAction).GetName() + " first 1\n"), nil
	})
	return &Cluster{kube, "bench",
		func(_ context.Context, ref string) ([]string, error) {
			name := strings.TrimSuffix(strings.TrimPrefix(ref, "bench/"), ":1")
			return []string{"sha256:base", "sha256:" + name + "1"}, nil
		},
		func(_ context.Context, command ...string) ([]byte, error) {
			if command[len(command)-1] == "ls" {
				return []byte("REF TYPE DIGEST\ndocker.io/bench/video:1 application/x sha256:video 1 MiB\n"), nil
			}
			text := ""
			for _, digest := range command[4:] {
				if blobs[digest] == "" {
					return nil, fmt.Errorf("%s: not found", digest)
				}
				text += blobs[digest] + "\n"
			}
			return []byte(text), nil
		},
	}
}

type response string

func (r response) DoRaw(context.Context) ([]byte, error) { return []byte(r), nil }

func (response) Stream(context.Context) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func want() fixture.Want {
	return fixture.Want{
		Workloads: []string{"auth", "video"}, Port: "8080", Path: "/health", Changed: "video",
		Responses: map[string]string{"auth": "auth first", "video": "video first"}, Variable: "GREETING", Value: "7",
	}
}

func TestCluster_Check(t *testing.T) {
	t.Parallel()
	t.Run("compares the app with the expected state", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name   string
			change func(map[string]string)
			want   func(*fixture.Want)
			err    string
		}{
			{name: "expected state"},
			{name: "different image", change: func(blobs map[string]string) {
				blobs["sha256:c"] = `{"rootfs":{"diff_ids":["sha256:base","sha256:auth0"]}}`
			}, err: "image bench/auth:1: node has layers [sha256:base sha256:auth0], engine has [sha256:base sha256:auth1]"},
			{name: "missing workload", want: func(w *fixture.Want) { w.Workloads = append(w.Workloads, "chat") }, err: "deployment not found: chat"},
			{name: "old source", want: func(w *fixture.Want) { w.Responses["video"] = "video fir" }, err: `service video responds with "video first 1", want "video fir"`},
			{name: "old value", want: func(w *fixture.Want) { w.Value = "8" }, err: `pod video-1 has GREETING="7", want "8"`},
			{name: "missing blob", change: func(blobs map[string]string) { delete(blobs, "sha256:m") }, err: "sha256:m: not found"},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				w := want()
				if test.want != nil {
					test.want(&w)
				}
				err := newCluster(t, test.change).Check(t.Context(), w)
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
			})
		}
	})

	t.Run("detects an unfinished rollout", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, nil)
		d, err := c.kube.AppsV1().Deployments("bench").Get(t.Context(), "auth", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d.Generation = 2
		if _, err := c.kube.AppsV1().Deployments("bench").Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(t.Context(), want()); err == nil || !strings.Contains(err.Error(), "deployment auth: 1 updated") {
			t.Errorf("got error %v, want deployment auth: 1 updated", err)
		}
	})
}

func TestCluster_envValue(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	container := corev1.Container{EnvFrom: []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "all"}}},
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "video"}}},
	}}
	for name, value := range map[string]string{"all": "1", "video": "2"} {
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"GREETING": value}}
		if _, err := c.kube.CoreV1().ConfigMaps("bench").Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if value, err := c.envValue(t.Context(), container, "GREETING"); err != nil || value != "2" {
		t.Errorf("two ConfigMaps: got %q, error %v, want the value of the later one", value, err)
	}
	container.Env = []corev1.EnvVar{{Name: "GREETING", Value: "3"}}
	if value, err := c.envValue(t.Context(), container, "GREETING"); err != nil || value != "3" {
		t.Errorf("env: got %q, error %v, want 3", value, err)
	}
}

func TestCluster_CheckLoaded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	if err := c.CheckLoaded(t.Context(), []string{"bench/video:1"}); err != nil {
		t.Error(err)
	}
	if err := c.CheckLoaded(t.Context(), []string{"bench/auth:1"}); err == nil || !strings.Contains(err.Error(), "image bench/auth:1 not found") {
		t.Errorf("missing image: got error %v, want image not found", err)
	}
}

func TestCluster_Snapshot(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	c.inNode = func(context.Context, ...string) ([]byte, error) { return []byte("aa 5\n"), nil }
	for _, version := range []string{"9", "10"} {
		record := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "v" + version, Labels: map[string]string{"owner": "helm", "version": version}}}
		if _, err := c.kube.CoreV1().Secrets("bench").Create(t.Context(), record, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Snapshot(t.Context())
	if err != nil || s.Revision != 10 || len(s.Pods) != 2 || s.Blobs["aa"] != 5 {
		t.Errorf("got %+v, error %v, want revision 10, 2 pods and 1 blob", s, err)
	}
}

func TestCluster_Delete(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	if err := c.kube.CoreV1().Pods("bench").Delete(t.Context(), "video-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), "video"); err != nil {
		t.Error(err)
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Error(err)
	}
}
