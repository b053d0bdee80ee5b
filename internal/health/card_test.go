package health

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormatCause_Log(t *testing.T) {
	t.Parallel()
	cause := Cause{
		Object: web, Container: "web", Message: "keeps crashing", Pods: []string{"web-1", "web-2", "web-3", "web-4"},
		Log: &Log{Pod: "web-1", Container: "web", Previous: true}, LogLines: []string{"panic: no database"},
		Command: []string{"--namespace", "shop", "logs", "web-1"},
	}
	want := []string{
		"web: container web: keeps crashing",
		"  where  Deployment shop/web, pods web-1, web-2, web-3 and 1 more",
		"  log    last lines of pod web-1, previous run:",
		"         | panic: no database",
		"  more   kubectl --kubeconfig /tmp/config --namespace shop logs web-1",
	}
	if diff := cmp.Diff(want, FormatCause(cause, "kubectl --kubeconfig /tmp/config")); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
}
