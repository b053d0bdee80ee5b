package verify

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const dnsService = "kube-dns" // in kube-system, as kubeadm names it

// awaitDNS waits for the DNS of a new cluster. Without it, a hook would fail or
// wait for its resolver's timeout of 5 s. Checks retry by themselves.
func (r *Runner) awaitDNS(ctx context.Context) {
	_ = r.waitWhile(ctx, r.options.DNSTimeout, func(ctx context.Context) (bool, error) { return r.dnsUnready(ctx), nil })
}

// dnsUnready returns false if a request fails.
func (r *Runner) dnsUnready(ctx context.Context) bool {
	found, err := r.endpoints(ctx, metav1.NamespaceSystem, dnsService)
	if err != nil || len(readyAddresses(found, nil)) > 0 {
		return false
	}
	_, err = r.options.Client.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, dnsService, metav1.GetOptions{})
	return err == nil
}
