package verify

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dnsService is the name that kubeadm and what descends from it give to the
// cluster's DNS, in kube-system.
const dnsService = "kube-dns"

// awaitNames waits, before a hook runs, for a cluster's DNS that is not up yet: in
// a new cluster the app may be the first. A hook that asks too early fails, or
// waits for the resolver's 5 s; the checks ask again by themselves, and tell of a
// DNS that does not come up at all.
func (r *Runner) awaitNames(ctx context.Context) {
	_ = r.awaitEnd(ctx, r.DNSTimeout, func(ctx context.Context) (bool, error) { return r.nameless(ctx), nil })
}

// nameless reports that the cluster has a DNS Service with nothing behind it that
// is ready. A cluster that does not tell keeps no hook waiting.
func (r *Runner) nameless(ctx context.Context) bool {
	found, err := r.endpoints(ctx, metav1.NamespaceSystem, dnsService)
	if err != nil || len(readyAddresses(found, nil)) > 0 {
		return false
	}
	_, err = r.Client.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, dnsService, metav1.GetOptions{})
	return err == nil
}
