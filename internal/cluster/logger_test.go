package cluster

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func TestLogger(t *testing.T) {
	t.Parallel()
	var events []event.Event
	l := logger{collect(&events)}
	l.V(0).Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	l.V(0).Info(" ✓ Starting control-plane 🕹️")
	l.V(1).Info(" • debug")
	l.Warn("cgroup v1 is deprecated in Kubernetes")
	if got, want := messages(events), "Starting control-plane"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
