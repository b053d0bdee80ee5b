package cluster

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCluster_RestoreSecrets(t *testing.T) {
	t.Parallel()
	t.Run("restores backed-up Secrets in a new cluster", func(t *testing.T) {
		t.Parallel()
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", UID: "1", ResourceVersion: "9", Labels: map[string]string{"tkdeploy.dev/keep": "true"}},
			Data:       map[string][]byte{"PASSWORD": []byte("s3cret")},
		}
		other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "helm", Namespace: "shop"}}
		old := newCluster(t, &fakeDocker{}, &fakeKind{}, secret, other)
		if err := old.BackupSecrets(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(old.secretPath("shop", "db"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("got %v, %v, want mode 0600", info, err)
		}
		recreated := newCluster(t, &fakeDocker{}, &fakeKind{})
		recreated.StateDir = old.StateDir
		if err := recreated.RestoreSecrets(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		client, err := recreated.Client()
		if err != nil {
			t.Fatal(err)
		}
		list, err := client.CoreV1().Secrets("shop").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(list.Items) != 1 || string(list.Items[0].Data["PASSWORD"]) != "s3cret" || list.Items[0].UID != "" {
			t.Errorf("got %v, %v, want Secret db with its password and no UID", list.Items, err)
		}
	})

	t.Run("does not print a damaged backup", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		if err := writePrivate(c.secretPath("shop", "db"), []byte(`{"data": s3cret`)); err != nil {
			t.Fatal(err)
		}
		err := c.RestoreSecrets(t.Context(), "shop")
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "backup of Secret db is damaged") {
			t.Errorf("got %v, want a damaged backup of Secret db without its content", err)
		}
	})
}
