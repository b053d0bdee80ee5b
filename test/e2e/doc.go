// Package e2e runs the tkdeploy binary against a real engine and a real kind
// cluster, with environments of its own: cluster names, ports and state folder
// are never those of a developer.
//
// A failing test prints what tkdeploy said. TKDEPLOY_E2E_KEEP=1 keeps the
// clusters for a look. The tests build with the tag e2e; make test-e2e runs them,
// and make test-faults those of the fault list that take too long for every commit.
package e2e
