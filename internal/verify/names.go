package verify

import (
	"context"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// dnsService is the name that kubeadm and what descends from it give to the
// cluster's DNS, in kube-system.
const dnsService = "kube-dns"

// awaitNames waits, before a hook runs, for a cluster's DNS that is not up yet: in
// a new cluster the app may be the first. A hook that asks too early fails, or
// waits for the resolver's 5 s; the checks ask again by themselves, and tell of a
// DNS that does not come up at all.
func (r *Runner) awaitNames(ctx context.Context) {
	for end := time.Now().Add(r.Names); ctx.Err() == nil && time.Now().Before(end) && r.nameless(ctx); {
		probe.Wait(ctx, r.Pause)
	}
}

// nameless reports that the cluster has a DNS Service with nothing behind it that
// is ready.
func (r *Runner) nameless(ctx context.Context) bool {
	found, err := r.Client.DiscoveryV1().EndpointSlices(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{discoveryv1.LabelServiceName: dnsService}.String(),
	})
	if err != nil || len(readyAddresses(found.Items, nil)) > 0 {
		return false
	}
	_, err = r.Client.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, dnsService, metav1.GetOptions{})
	return err == nil
}
