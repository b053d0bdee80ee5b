package cluster

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestCluster_RESTConfig(t *testing.T) {
	t.Parallel()
	t.Run("refuses a server on another machine", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		if err := writePrivate(c.Kubeconfig(), []byte(strings.ReplaceAll(kubeconfigText, "127.0.0.1", "203.0.113.7"))); err != nil {
			t.Fatal(err)
		}
		if _, err := c.RESTConfig(); fault.ClassOf(err) != fault.NotOwned {
			t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.NotOwned)
		}
	})
}

// Row 11 of docs/faults.md.
func TestCluster_RESTConfig_environment(t *testing.T) {
	other, requests := apiServer(t, "kind://docker/shop-dev/a")
	home := t.TempDir()
	userConfig := filepath.Join(home, ".kube", "config")
	if err := writePrivate(userConfig, []byte(kubeconfigFor(other))); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": home, "KUBECONFIG": userConfig, "KUBERNETES_MASTER": other, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1",
		"HELM_KUBECONTEXT": "kind-shop-dev", "HELM_KUBEAPISERVER": other, "HELM_KUBETOKEN": "x",
	} {
		t.Setenv(name, value)
	}
	url, _ := apiServer(t, "kind://docker/shop-dev/a")
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	c.useServer(t, url)
	config, err := c.RESTConfig()
	if err != nil || config.Host != url {
		t.Errorf("got config %v, %v, want host %s", config, err, url)
	}
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ConfigMaps("shop").Create(t.Context(), &corev1.ConfigMap{}, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
	if err := os.Remove(c.Kubeconfig()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client(); err == nil {
		t.Error("got a client without a private kubeconfig, want an error")
	}
	if got := requests(); len(got) > 0 {
		t.Errorf("got requests %v to the other cluster, want none", got)
	}
}

// Row 14 of docs/faults.md, without kind.
func TestCluster_userKubeconfig(t *testing.T) {
	home := t.TempDir()
	userConfig := filepath.Join(home, ".kube", "config")
	if err := writePrivate(userConfig, []byte("apiVersion: v1\nkind: Config\ncurrent-context: prod\n")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", userConfig)
	before, err := os.Stat(userConfig)
	if err != nil {
		t.Fatal(err)
	}
	docker := &fakeDocker{containers: []container{node(ownMount, false)}}
	c := newCluster(t, docker, &fakeKind{})
	c = newCluster(t, docker, &fakeKind{}, healthyObjects(c)...)
	if err := os.Remove(c.Kubeconfig()); err != nil {
		t.Fatal(err)
	}
	if err := c.Ensure(t.Context(), event.Discard); err != nil {
		t.Fatal(err)
	}
	ownFile, err := os.Stat(c.Kubeconfig())
	if err != nil || ownFile.Mode().Perm() != 0o600 {
		t.Errorf("private kubeconfig: got %v, %v, want mode 0600", ownFile, err)
	}
	if err := c.Delete(t.Context(), true, event.Discard); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(userConfig)
	if err != nil || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
		t.Errorf("user kubeconfig: got %v, %v, want %v", after, err, before)
	}
	if entries, err := os.ReadDir(filepath.Dir(userConfig)); err != nil || len(entries) != 1 {
		t.Errorf("got entries %v, %v, want only the user kubeconfig", entries, err)
	}
}

func TestCluster_MergeKubeconfig(t *testing.T) {
	userConfig := filepath.Join(t.TempDir(), "config")
	t.Setenv("KUBECONFIG", userConfig)
	if err := writePrivate(userConfig, []byte(strings.ReplaceAll(kubeconfigText, "kind-shop-dev", "mine"))); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	if err := writePrivate(c.Kubeconfig(), []byte(kubeconfigText)); err != nil {
		t.Fatal(err)
	}
	path, err := c.MergeKubeconfig()
	if err != nil || path != userConfig {
		t.Fatalf("got %q, %v, want %q", path, err, userConfig)
	}
	merged, err := clientcmd.LoadFromFile(userConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", "kind-shop-dev"} {
		if merged.Contexts[name] == nil || merged.Clusters[name] == nil {
			t.Errorf("got contexts %v, want %s with its cluster", slices.Collect(maps.Keys(merged.Contexts)), name)
		}
	}
	if merged.CurrentContext != "mine" {
		t.Errorf("got current context %q, want mine", merged.CurrentContext)
	}
	private, err := os.ReadFile(c.Kubeconfig())
	if err != nil || string(private) != kubeconfigText {
		t.Errorf("got a changed private kubeconfig (%v):\n%s", err, private)
	}
}
