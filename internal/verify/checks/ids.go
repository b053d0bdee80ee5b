package checks

const (
	// ClusterDNS is the ID of the check that all others depend on.
	ClusterDNS = "cluster-dns"

	// NetworkPolicies is the ID of the check returned by [ForPolicies].
	NetworkPolicies = "network-policies"

	// SmokeLabel is the label of the smoke test pod, with the value "true". A
	// chart's NetworkPolicies select it to allow the smoke test.
	SmokeLabel = "tkdeploy.dev/smoke"
)
