package health

import "time"

// Thresholds decide when a cause is fatal and when a workload is ready. Zero fields
// are not replaced by defaults: start from [DefaultThresholds].
type Thresholds struct {
	// How long a cause must last before it is fatal.

	Image       time.Duration // image not found, access denied or invalid reference
	Registry    time.Duration // registry not responding
	Config      time.Duration // missing Secret, ConfigMap or key in the environment
	CacheSync   time.Duration // Secret or ConfigMap not yet read by the kubelet
	Volume      time.Duration // missing Secret, ConfigMap or claim of a volume
	Create      time.Duration // container not created for another reason
	Schedule    time.Duration // no node fits the pod
	Claim       time.Duration // claim not bound
	Quota       time.Duration // rejected by a quota
	Admission   time.Duration // rejected by another admission rule
	Webhook     time.Duration // admission webhook not responding
	Node        time.Duration // node not ready
	Absent      time.Duration // workload not found
	CrashRepeat time.Duration // all new pods crashed three times; since the last crash
	Crashing    time.Duration // the same; since the container's first back-off
	Command     time.Duration // first failed start of a command

	// How many attempts prove a cause.

	CrashRestarts int32 // restarts of a crashing container
	CommandTries  int32 // failed starts of a command
	MemoryTries   int32 // OOM kills

	// Readiness and the age of evidence.

	MinReady          time.Duration // minimum uptime of a container without a readiness probe
	MinReadyLagFactor int           // minimum uptime as a multiple of the kubelet's lag
	MaxMinReady       time.Duration // upper limit of both
	NewPodAge         time.Duration // younger pods belong to this rollout
	NodeRecoveryGrace time.Duration // crashes do not count for this long after a crashed node came back
	StaleGrace        time.Duration // grace period for evidence from before the wait
}

// DefaultThresholds returns tkdeploy's thresholds. The kubelet's constants are those
// of Kubernetes 1.37 (pkg/kubelet/kubelet.go and pkg/kubelet/images).
func DefaultThresholds() Thresholds {
	return Thresholds{
		Image:       0,                // "not found" is final: the kubelet's retry sends the same request
		Registry:    10 * time.Second, // imageBackOffPeriod: the kubelet retries after 10s
		Config:      10 * time.Second, // the kubelet retries every 10s; an operator may be creating the object
		CacheSync:   30 * time.Second, // transient by design ("failed to sync secret cache"), krane#886
		Volume:      20 * time.Second, // mount retries back off from 0.5s: five of them within 20s
		Create:      20 * time.Second, // "failed to reserve container name" heals with the next attempt, 10s later
		Schedule:    20 * time.Second, // terminating pods free their resources within seconds
		Claim:       30 * time.Second, // a provisioner starts its own pod for a volume
		Quota:       10 * time.Second, // terminating pods still count
		Admission:   2 * time.Second,  // admission returns the same result for the same pod
		Webhook:     60 * time.Second, // a webhook of the same chart may be starting (kind#1582)
		Node:        60 * time.Second, // a node may miss heartbeats for 40s (node-monitor-grace-period)
		Absent:      10 * time.Second, // the workload may be being replaced
		CrashRepeat: 10 * time.Second, // the next attempt is 20s away: waiting longer shows nothing new
		Crashing:    30 * time.Second, // time for dependencies to start; kubelets start the third run 10 to 30s late (kubernetes#123602)
		Command:     20 * time.Second, // the second attempt follows within 10s

		CrashRestarts: 3, // restarts follow after 0, 10 and 30s
		CommandTries:  2, // a volume with the command is mounted before the first attempt
		MemoryTries:   2, // the first OOM kill may be a peak at startup

		MinReady:          5 * time.Second, // without a probe "ready" only means "started"; most crashes happen within 5s
		MinReadyLagFactor: 3,               // a lagging kubelet reports a crash about as late as the start
		MaxMinReady:       40 * time.Second,
		NewPodAge:         60 * time.Second, // applying a chart takes seconds
		NodeRecoveryGrace: 60 * time.Second, // pods start before their node's network; restarts follow after 0, 10 and 30s
		StaleGrace:        60 * time.Second, // back-offs grow to 5m, but most are below 1m
	}
}
