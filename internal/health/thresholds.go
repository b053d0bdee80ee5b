package health

import "time"

// Thresholds holds the grace periods and counts that decide when a cause becomes
// fatal and a workload ready. Zero fields are not replaced by defaults: start from
// [DefaultThresholds].
type Thresholds struct {
	// Grace periods: how long a cause must last before it is fatal.

	Image       time.Duration // the image does not exist, access is denied, or its reference is invalid
	Registry    time.Duration // the registry is not responding
	Config      time.Duration // an environment variable refers to a missing Secret, ConfigMap or key
	CacheSync   time.Duration // the kubelet has not read a Secret or ConfigMap yet
	Volume      time.Duration // a volume refers to a missing Secret, ConfigMap or claim
	Create      time.Duration // the runtime cannot create the container for another reason
	Schedule    time.Duration // no node fits the pod
	Claim       time.Duration // a claim is not bound
	Quota       time.Duration // a quota rejects the pod
	Admission   time.Duration // another admission rule rejects the pod
	Webhook     time.Duration // an admission webhook is not responding
	Node        time.Duration // the pod's node is not ready
	Absent      time.Duration // the workload does not exist
	CrashRepeat time.Duration // all new pods have crashed three times; measured from the last crash
	Crashing    time.Duration // the same, measured from the container's first back-off
	Command     time.Duration // the command could not be started once

	// Attempts that prove a cause.

	CrashRestarts int32 // restarts of a crashing container
	CommandTries  int32 // failed starts of a command
	MemoryTries   int32 // OOM kills

	// Readiness and the age of evidence.

	MinReady          time.Duration // how long a container without a readiness probe must run; doubles with each restart
	MinReadyLagFactor int           // it must run at least this many times the kubelet's lag
	MaxMinReady       time.Duration // upper limit of both
	NewPodAge         time.Duration // pods younger than this when the wait begins belong to this rollout
	NodeRecoveryGrace time.Duration // crashes within this time after a crashed node came back do not count
	StaleGrace        time.Duration // grace period for evidence from before the wait, except for young pods
}

// DefaultThresholds returns tkdeploy's thresholds. The kubelet constants are those
// of Kubernetes 1.37 (pkg/kubelet/kubelet.go and pkg/kubelet/images).
func DefaultThresholds() Thresholds {
	return Thresholds{
		Image:       0,                // a registry's "not found" is final: the kubelet's retry would send the same request
		Registry:    10 * time.Second, // imageBackOffPeriod: the kubelet retries after 10s
		Config:      10 * time.Second, // the kubelet retries every 10s; an operator may be creating the object
		CacheSync:   30 * time.Second, // transient by design ("failed to sync secret cache"), krane#886
		Volume:      20 * time.Second, // mount retries back off from 0.5s: five of them within 20s
		Create:      20 * time.Second, // "failed to reserve container name" heals with the next attempt, 10s later
		Schedule:    20 * time.Second, // terminating pods free their resources within seconds
		Claim:       30 * time.Second, // a provisioner may start a pod for each volume
		Quota:       10 * time.Second, // terminating pods still count
		Admission:   2 * time.Second,  // admission returns the same result for the same pod
		Webhook:     60 * time.Second, // a webhook of the same chart may be starting (kind#1582)
		Node:        60 * time.Second, // a node may miss heartbeats for 40s (node-monitor-grace-period)
		Absent:      10 * time.Second, // the workload may be being replaced
		CrashRepeat: 10 * time.Second, // the next attempt is 20s away: waiting longer shows nothing new
		Crashing:    30 * time.Second, // time for dependencies to start; kubelets start the third run 10 to 30s late (kubernetes#123602)
		Command:     20 * time.Second, // the second attempt follows within 10s

		CrashRestarts: 3, // restarts follow after 0, 10 and 30s
		CommandTries:  2, // a volume that contains the command is mounted before the first attempt
		MemoryTries:   2, // the first OOM kill may be a peak at startup

		MinReady:          5 * time.Second, // without a probe "ready" only means "started"; most crashes happen within 5s
		MinReadyLagFactor: 3,               // a lagging kubelet reports a crash about as late as the start
		MaxMinReady:       40 * time.Second,
		NewPodAge:         60 * time.Second, // applying a chart takes seconds
		NodeRecoveryGrace: 60 * time.Second, // pods start before their node's network; restarts follow after 0, 10 and 30s
		StaleGrace:        60 * time.Second, // back-offs grow to 5m, but most are below 1m
	}
}
