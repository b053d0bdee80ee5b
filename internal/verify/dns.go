package verify

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dnsService is the Service of the cluster DNS in kube-system, as kubeadm and
// its derivatives name it.
const dnsService = "kube-dns"

// awaitDNS waits before the hooks run, because the app may be ready before the
// DNS of a new cluster. Without DNS a hook fails or waits for the 5 s timeout of
// its resolver. Checks do not need this: they retry, and report a DNS that does
// not become ready.
func (r *Runner) awaitDNS(ctx context.Context) {
	_ = r.waitWhile(ctx, r.options.DNSTimeout, func(ctx context.Context) (bool, error) { return r.dnsUnready(ctx), nil })
}

// dnsUnready reports whether the Service of the cluster DNS exists without a
// ready endpoint. It returns false if a request fails.
func (r *Runner) dnsUnready(ctx context.Context) bool {
	found, err := r.endpoints(ctx, metav1.NamespaceSystem, dnsService)
	if err != nil || len(readyAddresses(found, nil)) > 0 {
		return false
	}
	_, err = r.options.Client.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, dnsService, metav1.GetOptions{})
	return err == nil
}
