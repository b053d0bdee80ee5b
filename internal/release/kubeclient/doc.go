// Package kubeclient is the access to a cluster that a Helm action gets: from a
// rest.Config alone, and through a gate that can be shut.
package kubeclient
