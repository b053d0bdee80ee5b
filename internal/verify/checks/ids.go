package checks

const (
	// ClusterDNS is the ID of the check that all other checks depend on.
	ClusterDNS = "cluster-dns"

	// NetworkPolicies is the ID of the check of whether the network plugin
	// enforces NetworkPolicies.
	NetworkPolicies = "network-policies"

	// SmokeLabel marks the smoke test pod with the value "true". NetworkPolicies
	// of a chart select it to let the smoke test reach the app.
	SmokeLabel = "tkdeploy.dev/smoke"
)
