// Package kubeclient connects Helm to the cluster without reading the environment. It can
// cut off a Helm action that does not stop.
package kubeclient
