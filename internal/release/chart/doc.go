// Package chart loads a Helm chart, layers its values, validates both and
// renders the result. It needs no cluster.
package chart
