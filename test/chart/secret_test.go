package chart_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func secretOf(t *testing.T, s stack) *corev1.Secret {
	t.Helper()
	return get[*corev1.Secret](t, s, "Secret tiktok-db-secrets")
}

func TestSecretsAreGeneratedAtTheFirstInstall(t *testing.T) {
	t.Parallel()
	secret := secretOf(t, renderIn(t, nil))
	for key, length := range map[string]int{"DB_PASSWORD": 32, "DB_REPLICATION_PASSWORD": 32, "JWT_ACCESS_SECRET": 48} {
		if got := len(secret.Data[key]); got != length {
			t.Errorf("%s has %d characters, want %d", key, got, length)
		}
	}
	other := secretOf(t, renderIn(t, nil))
	if reflect.DeepEqual(secret.Data, other.Data) {
		t.Error("two installs have the same secrets")
	}
}

func TestSecretsOutliveTheRelease(t *testing.T) {
	t.Parallel()
	secret := secretOf(t, renderIn(t, nil))
	if secret.Annotations["helm.sh/resource-policy"] != "keep" || secret.Labels["tkdeploy.dev/keep"] != "true" {
		t.Errorf("annotations %v, labels %v", secret.Annotations, secret.Labels)
	}
}

func TestAnUpgradeOfTheFirstInstallChangesNothing(t *testing.T) {
	t.Parallel()
	first := renderIn(t, nil)
	second := renderIn(t, secretOf(t, first).Data)
	if !reflect.DeepEqual(first, second) {
		t.Error("the second rendering differs from the first")
	}
}

func TestAMissingKeyIsGeneratedAndTheOthersKept(t *testing.T) {
	t.Parallel()
	kept := map[string][]byte{"DB_PASSWORD": []byte("old"), "JWT_ACCESS_SECRET": []byte("older")}
	got := maps.Clone(secretOf(t, renderIn(t, kept)).Data)
	if len(got["DB_REPLICATION_PASSWORD"]) != 32 {
		t.Error("the missing key was not generated")
	}
	if delete(got, "DB_REPLICATION_PASSWORD"); !reflect.DeepEqual(got, kept) {
		t.Error("a key that was there has changed")
	}
}

func TestNoSecretIsRenderedOutsideTheSecret(t *testing.T) {
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
			t.Errorf("%s shows a secret", name)
		}
	}
}

func TestInAClusterAnImageWithoutTagIsRefused(t *testing.T) {
	t.Parallel()
	_, err := rendering{set: built[1:], cluster: clusterWith(nil)}.run()
	const want = "set services.auth.image.tag: tkdeploy does it from the image's inputs"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
