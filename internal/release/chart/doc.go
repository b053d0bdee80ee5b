// Package chart loads, validates and renders a Helm chart with its layered values, and
// compares charts and stored revisions. It needs neither a cluster nor the network.
package chart
