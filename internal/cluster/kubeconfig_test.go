package cluster

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

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

func TestCluster_Delete_merged(t *testing.T) {
	for name, test := range map[string]struct {
		current string // context of the user
		change  func(*api.Config)
		removed bool
		want    string // current context
	}{
		"removes what was merged":                  {"mine", func(*api.Config) {}, true, "mine"},
		"leaves no current context that is gone":   {"kind-shop-dev", func(*api.Config) {}, true, ""},
		"keeps the entries of another cluster":     {"mine", func(c *api.Config) { c.Clusters["kind-shop-dev"].CertificateAuthorityData = []byte("other") }, false, "mine"},
		"keeps the file if the entries are gone":   {"mine", func(c *api.Config) { delete(c.Clusters, "kind-shop-dev") }, false, "mine"},
		"keeps the entries if it was never merged": {"mine", nil, false, "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			userConfig := filepath.Join(t.TempDir(), "config")
			t.Setenv("KUBECONFIG", userConfig)
			if err := writePrivate(userConfig, []byte(strings.ReplaceAll(kubeconfigText, "kind-shop-dev", "mine"))); err != nil {
				t.Fatal(err)
			}
			c := newCluster(t, &fakeDocker{containers: []container{node(ownMount, true)}}, &fakeKind{})
			if test.change == nil {
				before := readText(t, userConfig)
				if err := c.Delete(t.Context(), false, event.Discard); err != nil || readText(t, userConfig) != before {
					t.Errorf("got %v and kubeconfig\n%s\nwant it unchanged", err, readText(t, userConfig))
				}
				return
			}
			if _, err := c.MergeKubeconfig(); err != nil {
				t.Fatal(err)
			}
			user, err := clientcmd.LoadFromFile(userConfig)
			if err != nil {
				t.Fatal(err)
			}
			user.CurrentContext = test.current
			test.change(user)
			if err := clientcmd.WriteToFile(*user, userConfig); err != nil {
				t.Fatal(err)
			}
			before := slices.Sorted(maps.Keys(user.Contexts))
			if err := c.Delete(t.Context(), true, event.Discard); err != nil {
				t.Fatal(err)
			}
			user, err = clientcmd.LoadFromFile(userConfig)
			if err != nil {
				t.Fatal(err)
			}
			want := before
			if test.removed {
				want = []string{"mine"}
			}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(user.Contexts))); diff != "" || user.CurrentContext != test.want {
				t.Errorf("got current context %q, want %q; contexts (-want +got):\n%s", user.CurrentContext, test.want, diff)
			}
		})
	}

	t.Run("warns and goes on if it cannot change the file", func(t *testing.T) {
		userConfig := filepath.Join(t.TempDir(), "config")
		t.Setenv("KUBECONFIG", userConfig)
		c := newCluster(t, &fakeDocker{containers: []container{node(ownMount, true)}}, &fakeKind{})
		if _, err := c.MergeKubeconfig(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Remove(userConfig), os.Symlink("/dev/zero", userConfig)); err != nil {
			t.Fatal(err)
		}
		var events []event.Event
		if err := c.Delete(t.Context(), false, collect(&events)); err != nil || !strings.Contains(messages(events), "context kind-shop-dev remains in "+userConfig) {
			t.Errorf("got %v, events %q, want a warning", err, messages(events))
		}
	})
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCluster_RESTConfig_absent(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{})
	if err := os.Remove(c.Kubeconfig()); err != nil {
		t.Fatal(err)
	}
	_, err := c.RESTConfig()
	if fault.ClassOf(err) != fault.Cluster || !strings.Contains(fault.HintOf(err), "tkdeploy up --env dev") {
		t.Errorf("got %v of class %q with hint %q, want class %q and a hint", err, fault.ClassOf(err), fault.HintOf(err), fault.Cluster)
	}
}
