// Package probe asks a smoke test's checks, from inside the cluster.
//
// [Run] is what happens in the pod. Everything else is what both sides of the
// pod's wall speak: the [Check], packed into the pod's environment, and the
// [Result], a line of its log. It needs nothing of Kubernetes, so that the
// program for the pod, cmd/tkdeploy-probe, is small.
package probe
