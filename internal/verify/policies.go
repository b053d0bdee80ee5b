package verify

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

const (
	policyTimeout = 2 * time.Second // in parallel with deleting old pods
	maxPods       = 500             // enough to find a forbidden connection
)

// policyCheck returns false if there is no forbidden connection to try.
func (r *Runner) policyCheck(ctx context.Context) (check probe.Check, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	namespace := r.options.Namespace
	policies, err := r.options.Client.NetworkingV1().NetworkPolicies(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return probe.Check{}, false, fmt.Errorf("list NetworkPolicies: %w", err)
	}
	if len(policies.Items) == 0 {
		return probe.Check{}, false, nil
	}
	pods, err := r.options.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: maxPods})
	if err != nil {
		return probe.Check{}, false, fmt.Errorf("list pods for the NetworkPolicy check: %w", err)
	}
	check, found = checks.ForPolicies(namespace, policies.Items, r.labels(), pods.Items)
	return check, found, nil
}
