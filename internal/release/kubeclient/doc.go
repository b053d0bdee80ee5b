// Package kubeclient gives Helm its access to the cluster. It does not read the environment,
// and it can cut off a Helm action that does not stop.
package kubeclient
