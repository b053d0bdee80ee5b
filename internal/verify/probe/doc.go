// Package probe runs smoke checks from inside the cluster.
//
// [Run] is the program in the pod. The pod receives each [Check] in its environment
// and writes each [Result] as a line of its log. The package does not depend on
// Kubernetes, to keep cmd/tkdeploy-probe small.
package probe
