// Package probe runs smoke checks from inside the cluster.
//
// [Run] is the program in the pod, which receives each [Check] in its
// environment and writes each [Result] to its log. The package does not depend
// on Kubernetes, to keep cmd/tkdeploy-probe small.
package probe
