//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (p *project) testPendingRelease(t *testing.T) {
	for _, status := range []string{"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"} {
		p.setStatus(t, status)
		wantContains(t, "status", p.run(t, "status").wantExit(t, 0).stdout, status, "deployment/web")
		p.run(t, "up").wantExit(t, 0).wantStderr(t, "is "+status+": an earlier run was interrupted")
		p.wantServing(t)
	}
}

// setStatus edits the newest release record: base64 of gzip of JSON (helm.sh/helm/v3
// pkg/storage/driver/util.go).
func (p *project) setStatus(t *testing.T, status string) {
	t.Helper()
	secrets := p.kube(t).CoreV1().Secrets("shop")
	name := fmt.Sprintf("sh.helm.release.v1.shop.v%d", newest(p.history(t)).Revision)
	secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(string(secret.Data["release"]))
	if err != nil {
		t.Fatal(err)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.NewDecoder(unzip).Decode(&record); err != nil {
		t.Fatal(err)
	}
	record["info"].(map[string]any)["status"] = status
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if err := json.NewEncoder(zip).Encode(record); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	secret.Data["release"] = []byte(base64.StdEncoding.EncodeToString(zipped.Bytes()))
	secret.Labels["status"] = status
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
