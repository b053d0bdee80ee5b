//go:build e2e

package release

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// kubeconfigVar names the kubeconfig of the test cluster.
const kubeconfigVar = "TKDEPLOY_TEST_KUBECONFIG"

type e2e struct {
	*Client
	kube *kubernetes.Clientset
	d    chart.Desired
}

func newE2E(t *testing.T, namespace string) e2e {
	t.Helper()
	file := os.Getenv(kubeconfigVar)
	if file == "" {
		t.Skip(kubeconfigVar + " is not set")
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Target{Config: config, Namespace: namespace, Name: "everything"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := e2e{Client: c, kube: kube, d: chart.Desired{Chart: "testdata/e2e"}}
	e.deleteNamespace(t)
	t.Cleanup(func() { e.deleteNamespace(t) })
	return e
}

func (e e2e) deleteNamespace(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // in the cleanup, t.Context has ended
	err := e.kube.CoreV1().Namespaces().Delete(ctx, e.namespace, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		t.Error(err)
	}
}

func (e e2e) deployment(t *testing.T, name string) *appsv1.Deployment {
	t.Helper()
	d, err := e.kube.AppsV1().Deployments(e.namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (e e2e) patch(t *testing.T, name, patch string) {
	t.Helper()
	_, err := e.kube.AppsV1().Deployments(e.namespace).Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (e e2e) observed(t *testing.T, want string) {
	t.Helper()
	start := time.Now()
	o := mustObserve(t, e.Client, e.d)
	t.Logf("%v: %+v", time.Since(start).Round(time.Millisecond), o)
	if o.Current != (want == "") || want != "" && !strings.Contains(o.Reason, want) {
		t.Errorf("got %+v, want %q", o, want)
	}
}

func (e e2e) applied(t *testing.T) (int, *recorder) {
	t.Helper()
	start := time.Now()
	revision, r := mustApply(t, e.Client, e.d)
	t.Logf("%v: revision %d, %d mutations", time.Since(start).Round(time.Millisecond), revision, r.finished(t).Mutations)
	return revision, r
}

func TestClient_DriftE2E(t *testing.T) {
	e := newE2E(t, "release-drift")
	e.observed(t, "no release yet")
	e.applied(t)
	e.observed(t, "")
	if revision, r := e.applied(t); revision != 1 || r.finished(t).Mutations != 0 {
		t.Errorf("second run: got revision %d, want 1 without mutations", revision)
	}
	// Controllers write the status and annotations, and an autoscaler scales.
	awaitDeployment(t, e, "web")
	e.patch(t, "scaled", `{"spec":{"replicas":3}}`)
	e.observed(t, "")

	e.patch(t, "web", `{"spec":{"replicas":0}}`)
	e.observed(t, "Deployment web: spec.replicas 0, desired 1")
	e.applied(t)
	e.observed(t, "")
	if got := *e.deployment(t, "web").Spec.Replicas; got != 1 {
		t.Errorf("web: got %d replicas, want 1", got)
	}
	if got := *e.deployment(t, "scaled").Spec.Replicas; got != 3 {
		t.Errorf("scaled: got %d replicas, want the 3 of the autoscaler", got)
	}

	e.patch(t, "web", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"someone"}}}`)
	e.observed(t, "Deployment web: metadata.labels.app.kubernetes.io/managed-by")
	e.patch(t, "web", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"}}}`)
	e.observed(t, "")

	if err := e.kube.AppsV1().Deployments(e.namespace).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.observed(t, "Deployment web is missing")
	e.applied(t)
	e.observed(t, "")
}

func awaitDeployment(t *testing.T, e e2e, name string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		return e.deployment(t, name).Status.AvailableReplicas > 0, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestClient_RepairE2E(t *testing.T) {
	e := newE2E(t, "release-heal")
	e.applied(t)
	for _, status := range []release.Status{release.StatusPendingUpgrade, release.StatusUninstalling} {
		history, err := e.helm.Releases.History(e.name)
		if err != nil {
			t.Fatal(err)
		}
		last := history[len(history)-1]
		last.SetStatus(status, "killed")
		if err := e.helm.Releases.Update(last); err != nil {
			t.Fatal(err)
		}
		e.observed(t, fmt.Sprintf("is %s: an earlier run was interrupted", status))
		if _, r := e.applied(t); len(r.warnings()) != 1 {
			t.Errorf("%s: got warnings %q, want one", status, r.warnings())
		}
		e.observed(t, "")
	}
}

func TestClient_RejectionsE2E(t *testing.T) {
	e := newE2E(t, "release-refuse")
	e.applied(t)
	e.d.Set = []string{"serviceName=other"}
	_, err := e.Apply(t.Context(), e.d, event.Discard)
	t.Log(err)
	if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "StatefulSet store: changing spec.serviceName") {
		t.Errorf("got %v, want the immutable field", err)
	}
	if s, err := e.Status(t.Context()); err != nil || s.Revision.Revision != 1 {
		t.Errorf("got %+v, %v, want revision 1", s.Revision, err)
	}
	e.d.Set = nil
	mustVerify(t, e.Client, 1)
	if o := mustObserve(t, e.Client, e.d); !o.Current || !o.Deployed.Verified {
		t.Errorf("got %+v, want current and verified", o)
	}
	r := &recorder{}
	if err := e.Uninstall(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := e.kube.CoreV1().Secrets(e.namespace).Get(t.Context(), "random", metav1.GetOptions{}); err != nil {
		t.Errorf("kept Secret: %v", err)
	}
	e.observed(t, "no release yet")
	e.applied(t) // adopts the kept Secret
	e.observed(t, "")
}
