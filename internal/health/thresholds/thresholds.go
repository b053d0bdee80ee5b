// Package thresholds holds the times and counts after which a problem of a workload
// is fatal.
package thresholds

import "time"

// Thresholds decide when a cause is fatal and when a workload is ready. Start
// from [Default]: zero fields have no defaults.
type Thresholds struct {
	// How long a cause must last before it is fatal.

	Image       time.Duration // image not found, denied or invalid
	Registry    time.Duration // other pull failure
	Config      time.Duration // container configuration error
	CacheSync   time.Duration // Secret or ConfigMap not yet cached by the kubelet
	Volume      time.Duration // missing object of a volume
	Create      time.Duration // container creation error
	Schedule    time.Duration // no node fits the pod
	Claim       time.Duration // claim not bound
	Quota       time.Duration // quota exceeded, or service account missing
	Admission   time.Duration // other rejection
	Webhook     time.Duration // admission webhook not responding
	Node        time.Duration // node not ready
	Absent      time.Duration // workload not found
	CrashRepeat time.Duration // after the last crash, if all new pods crashed three times
	Crashing    time.Duration // after the first back-off, in the same case
	Command     time.Duration // command failed to start once
	Port        time.Duration // probe of a port that nothing listens on
	Default     time.Duration // missing object that Kubernetes creates in each namespace

	// What the causes of a release wait for; see package health.

	Termination time.Duration // time of a pod to end after its deletion timestamp
	Freed       time.Duration // time of the scheduler or a controller to use what an ended pod freed
	Settle      time.Duration // time of a workload that became ready to be reachable
	Retry       time.Duration // time of the kubelet to notice a new Secret or ConfigMap

	// Graces are lower limits that a user sets.
	Graces Graces

	// Attempts that prove a cause.

	CrashRestarts int32 // restarts after crashes
	CommandTries  int32 // failed starts of a command
	MemoryTries   int32 // OOM kills

	// Readiness and the age of evidence.

	MinReady          time.Duration // minimum uptime without a readiness probe
	MinReadyLagFactor int           // the same, as a multiple of the kubelet's lag
	MaxMinReady       time.Duration // upper limit of both
	NewPodAge         time.Duration // younger pods belong to this rollout
	NodeRecoveryGrace time.Duration // crashes this soon after a node's recovery do not count
	StaleGrace        time.Duration // for evidence from before the wait
}

// Default returns tkdeploy's thresholds. Kubelet constants are those of
// Kubernetes 1.37 (pkg/kubelet/kubelet.go and pkg/kubelet/images).
func Default() Thresholds {
	return Thresholds{
		Image:       0,                // final: a retry sends the same request
		Registry:    10 * time.Second, // the kubelet's imageBackOffPeriod
		Config:      3 * time.Second,  // everything of the release was applied before the wait
		CacheSync:   30 * time.Second, // transient by design ("failed to sync secret cache"), krane#886
		Volume:      3 * time.Second,  // retries back off from 0.5s: three within 3s
		Create:      20 * time.Second, // "failed to reserve container name" heals after 10s
		Schedule:    20 * time.Second, // the scheduler retries after at most 10s
		Claim:       30 * time.Second, // a provisioner starts a pod for a volume
		Quota:       10 * time.Second, // the controller retries within seconds
		Admission:   2 * time.Second,  // the same pod is rejected again
		Webhook:     60 * time.Second, // a webhook of the same chart may be starting (kind#1582)
		Node:        60 * time.Second, // a node may miss heartbeats for 40s (node-monitor-grace-period)
		Absent:      10 * time.Second, // the workload may be being replaced
		CrashRepeat: 10 * time.Second, // the next attempt is 20s away
		Crashing:    30 * time.Second, // dependencies may be starting; the third run may start 10 to 30s late (kubernetes#123602)
		Command:     20 * time.Second, // the second attempt follows within 10s
		Port:        20 * time.Second, // counted from the first refused connection
		Default:     60 * time.Second, // a controller-manager may be restarting

		Termination: 5 * time.Second,  // the kubelet kills at the timestamp and reports within seconds
		Freed:       15 * time.Second, // the scheduler's longest back-off is 10s
		Settle:      5 * time.Second,  // endpoints, kube-proxy and the cache of CoreDNS follow within 5s
		Retry:       20 * time.Second, // the kubelet retries every 10 to 15s

		CrashRestarts: 3, // restarts follow after 0, 10 and 30s
		CommandTries:  2, // volumes are mounted before the first attempt
		MemoryTries:   2, // the first may be a peak at startup

		MinReady:          5 * time.Second, // most crashes happen within 5s
		MinReadyLagFactor: 3,               // crashes are reported about as late as starts
		MaxMinReady:       40 * time.Second,
		NewPodAge:         60 * time.Second, // applying a chart takes seconds
		NodeRecoveryGrace: 60 * time.Second, // pods start before their node's network, then restart after 0, 10 and 30s
		StaleGrace:        60 * time.Second, // back-offs grow to 5m, but most are below 1m
	}
}
