package cluster

import (
	"errors"
	"fmt"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/event"
)

func TestLogger(t *testing.T) {
	t.Parallel()
	var events []event.Event
	l := logger{collect(&events)}
	l.Info(" • Starting control-plane 🕹️  ...\n")
	l.Info(" ✓ Starting control-plane 🕹️")
	l.Warn("cgroup v1 is deprecated in Kubernetes")
	if got, want := messages(events), "Starting control-plane"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommandOutput(t *testing.T) {
	t.Parallel()
	// kubeadm init --v=6, shortened
	run := &kindrun.Error{Output: []byte(`I1130 15:04:32.100000     171 initconfiguration.go:255] loading configuration from "/kind/kubeadm.conf"
[init] Using Kubernetes version: v1.37.2
[certs] Using certificateDir folder "/etc/kubernetes/pki"
I1130 15:04:32.200000     171 certs.go:112] creating a new certificate authority for ca
open /etc/kubernetes/pki/ca.crt: not a directory
failure loading ca certificate
k8s.io/kubernetes/cmd/kubeadm/app/phases/certs.CreateCACertAndKeyFiles
	k8s.io/kubernetes/cmd/kubeadm/app/phases/certs/certs.go:133
error execution phase certs/ca
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1
	k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow/runner.go:262
runtime.main
	runtime/proc.go:285
runtime.goexit
	runtime/asm_amd64.s:1693
`)}
	want := `
  [init] Using Kubernetes version: v1.37.2
  [certs] Using certificateDir folder "/etc/kubernetes/pki"
  open /etc/kubernetes/pki/ca.crt: not a directory
  failure loading ca certificate
  error execution phase certs/ca`
	if got := commandOutput(fmt.Errorf("failed to init node with kubeadm: %w", run)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := commandOutput(errors.New("no command")); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}
