//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/test/charts"
)

// TestCharts deploys the charts of test/charts to one cluster, each as a release and a
// namespace of its own.
func TestCharts(t *testing.T) {
	t.Parallel()
	defer useEngine(t)()
	all, err := charts.All("../charts")
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t, "testdata/charts", "charts-e2e", "test", strings.NewReplacer(), "tkdeploy.yaml", "app")
	copyTree(t, "../../offline", filepath.Join(p.dir, "offline"))
	buildApp(t, filepath.Join(p.dir, "app", "app"))
	template := readFile(t, filepath.Join(p.dir, "tkdeploy.yaml"))
	for _, c := range all {
		if c.Up < 0 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) { p.deployChart(t, c, template) })
	}
}

func buildApp(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "tkdeploy.dev/tkdeploy/test/charts/app")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the app: %v\n%s", err, out)
	}
}

func (p *project) deployChart(t *testing.T, c charts.Chart, template string) {
	if err := os.RemoveAll(filepath.Join(p.dir, "chart")); err != nil {
		t.Fatal(err)
	}
	copyTree(t, c.Dir, filepath.Join(p.dir, "chart"))
	var images []string
	for i, path := range c.Images {
		images = append(images, fmt.Sprintf("app%d: {repository: charts-app, build: {context: app}, values: %s}", i, path))
	}
	writeFile(t, filepath.Join(p.dir, "tkdeploy.yaml"),
		strings.NewReplacer("IMAGES", strings.Join(images, "\n  "), "RELEASE", c.Name).Replace(template))
	args := []string{"up", "--timeout", "60s"}
	for _, value := range c.Values {
		args = append(args, "--set", value)
	}
	up := p.run(t, args...).wantExit(t, c.Up)
	if c.Up != 0 {
		up.wantStderr(t, c.Error...)
		wantNoNamespace(t, p.kube(t), c.Name)
		return
	}
	up.wantStderr(t, c.Warnings...)
	wantLive(t, p.kube(t), c)
	again := p.run(t, append(args, "--output", "json")...).wantExit(t, 0)
	if changed := changedItems(again.events(t), "release"); len(changed) > 0 {
		t.Errorf("second up: got changes of %v, want none", changed)
	}
}

// wantNoNamespace checks that a refused chart has changed nothing.
func wantNoNamespace(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("namespace %s: got %v, want it not found", name, err)
	}
}

// wantLive checks the kinds that the charts' tests name.
func wantLive(t *testing.T, client kubernetes.Interface, c charts.Chart) {
	t.Helper()
	for _, object := range c.Live {
		kind, name, _ := strings.Cut(object, " ")
		var err error
		switch kind {
		case "Deployment":
			_, err = client.AppsV1().Deployments(c.Name).Get(t.Context(), name, metav1.GetOptions{})
		case "ConfigMap":
			_, err = client.CoreV1().ConfigMaps(c.Name).Get(t.Context(), name, metav1.GetOptions{})
		case "Secret":
			_, err = client.CoreV1().Secrets(c.Name).Get(t.Context(), name, metav1.GetOptions{})
		case "Pod":
			_, err = client.CoreV1().Pods(c.Name).Get(t.Context(), name, metav1.GetOptions{})
		case "PersistentVolumeClaim":
			_, err = client.CoreV1().PersistentVolumeClaims(c.Name).Get(t.Context(), name, metav1.GetOptions{})
		default:
			err = fmt.Errorf("kind %s: not supported here", kind)
		}
		if err != nil {
			t.Errorf("%s: %v", object, err)
		}
	}
}
