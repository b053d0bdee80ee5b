// Package chart loads a Helm chart, layers its values, validates both and renders
// the result. It also compares charts and reads stored revisions. Nothing in it
// needs a cluster or the network.
package chart
