package chart_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func secretOf(t *testing.T, s stack) *corev1.Secret {
	t.Helper()
	return get[*corev1.Secret](t, s, "Secret tiktok-db-secrets")
}

func TestSecret(t *testing.T) {
	t.Parallel()
	t.Run("is generated at the first install", func(t *testing.T) {
		t.Parallel()
		secret := secretOf(t, renderIn(t, nil))
		for key, length := range map[string]int{"DB_PASSWORD": 32, "DB_REPLICATION_PASSWORD": 32, "JWT_ACCESS_SECRET": 48} {
			if got := len(secret.Data[key]); got != length {
				t.Errorf("%s: got %d characters, want %d", key, got, length)
			}
		}
		other := secretOf(t, renderIn(t, nil))
		if cmp.Equal(secret.Data, other.Data) {
			t.Error("two installs got the same secrets")
		}
	})

	t.Run("is kept on uninstall", func(t *testing.T) {
		t.Parallel()
		secret := secretOf(t, renderIn(t, nil))
		if secret.Annotations["helm.sh/resource-policy"] != "keep" || secret.Labels["tkdeploy.dev/keep"] != "true" {
			t.Errorf("got annotations %v and labels %v, want both to keep the Secret", secret.Annotations, secret.Labels)
		}
	})

	t.Run("does not change on upgrade", func(t *testing.T) {
		t.Parallel()
		first := renderIn(t, nil)
		second := renderIn(t, secretOf(t, first).Data)
		if !reflect.DeepEqual(first, second) {
			t.Error("the upgrade renders different objects")
		}
	})

	t.Run("generates only missing keys", func(t *testing.T) {
		t.Parallel()
		kept := map[string][]byte{"DB_PASSWORD": []byte("old"), "JWT_ACCESS_SECRET": []byte("older")}
		got := maps.Clone(secretOf(t, renderIn(t, kept)).Data)
		if len(got["DB_REPLICATION_PASSWORD"]) != 32 {
			t.Error("missing key not generated")
		}
		if delete(got, "DB_REPLICATION_PASSWORD"); !cmp.Equal(got, kept) {
			t.Errorf("existing keys changed (-want +got):\n%s", cmp.Diff(kept, got))
		}
	})

	t.Run("has values that no other object contains", func(t *testing.T) {
		t.Parallel()
		files, err := rendering{set: built, cluster: clusterWith(map[string][]byte{
			"DB_PASSWORD": []byte("planted-1"), "DB_REPLICATION_PASSWORD": []byte("planted-2"), "JWT_ACCESS_SECRET": []byte("planted-3"),
		})}.run()
		if err != nil {
			t.Fatal(err)
		}
		const encoded = "cGxhbnRlZC" // the start of "planted-" in base64
		for name, content := range files {
			if strings.Contains(content, "planted-") || strings.Contains(content, encoded) && !strings.HasSuffix(name, "/secret.yaml") {
				t.Errorf("%s contains a secret", name)
			}
		}
	})
}

func TestImage(t *testing.T) {
	t.Parallel()
	t.Run("requires a tag in a cluster", func(t *testing.T) {
		t.Parallel()
		_, err := rendering{set: built[1:], cluster: clusterWith(nil)}.run()
		const want = "set services.auth.image.tag: tkdeploy sets it to a hash of the image's inputs"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	})
}
