// Package e2e runs the tkdeploy binary with a real engine and kind clusters. It uses its
// own cluster names, ports and state directories, never a developer's.
//
// Set TKDEPLOY_E2E_KEEP=1 to keep the clusters. The tests require the build tag e2e; use
// make test-e2e, or make test-faults for the slow ones.
package e2e
