// Package chart loads a Helm chart, layers its values, validates both and renders the
// result. It also compares charts and stored revisions. It needs neither a cluster nor
// the network.
package chart
