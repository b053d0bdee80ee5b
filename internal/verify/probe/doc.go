// Package probe runs smoke checks from inside the cluster.
//
// [Run] is the program in the pod. The other names are shared by both sides: the
// [Check], which the pod receives in its environment, and the [Result], a line
// of its log. The package does not depend on Kubernetes, which keeps the program
// cmd/tkdeploy-probe small.
package probe
