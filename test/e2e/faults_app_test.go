//go:build e2e

package e2e

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func (p *project) testUnhealthyService(t *testing.T) {
	p.run(t, "up", "--set", "web.env.HEALTH=500", "--no-rollback").wantExit(t, 15).
		wantStderr(t, "http://web:8080/health", "500", "the shop is Internal Server Error", "web/dns", "web/")
	report := filepath.Join(t.TempDir(), "junit.xml")
	p.run(t, "verify", "--junit", report).wantExit(t, 15).wantStderr(t, "http://web:8080/health")
	wantContains(t, "JUnit report", readFile(t, report),
		`<testcase name="web/dns" classname="tkdeploy.`+p.env+`.verify"`, `type="smoke">`, "the shop is Internal Server Error")
	p.run(t, "up").wantExit(t, 0)
	p.run(t, "verify").wantExit(t, 0)
}

func (p *project) testCrashLoop(t *testing.T) {
	p.run(t, "up", "--set", "web.env.CRASH=no such database", "--no-rollback").wantExit(t, 14).
		wantStderr(t, "web", "no such database", "kubectl").wantWithin(t, 60*time.Second)
}

func (p *project) testInvalidCommand(t *testing.T) {
	p.run(t, "up", "--set", "web.command={/nope}", "--no-rollback").wantExit(t, 14).
		wantStderr(t, "web", "/nope").wantWithin(t, 40*time.Second)
	p.run(t, "up").wantExit(t, 0)
}

// testTerminatingNamespace keeps a deleted namespace for longer than up waits, then for 20 s.
func (p *project) testTerminatingNamespace(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	client := p.kube(t)
	maps := client.CoreV1().ConfigMaps("shop")
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "held", Finalizers: []string{"example.com/hold"}}}
	if _, err := maps.Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	removeFinalizer := func() {
		_, err := maps.Patch(context.Background(), "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("remove the finalizer: %v", err)
		}
	}
	defer removeFinalizer()
	p.run(t, "up").wantExit(t, 13).wantStderr(t, "namespace shop is still being deleted", "example.com/hold")
	defer time.AfterFunc(20*time.Second, removeFinalizer).Stop()
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}
