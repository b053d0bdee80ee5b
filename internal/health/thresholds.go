package health

import "time"

// Thresholds are the times and counts by which the package decides. The zero value
// of a field is taken as is: start from [DefaultThresholds].
type Thresholds struct {
	// Graces: how long a cause must have been there before it is fatal.

	Image       time.Duration // the image does not exist, may not be pulled, or has no valid name
	Registry    time.Duration // the registry does not answer
	Config      time.Duration // a Secret or ConfigMap (or its key) that an environment variable names is missing
	CacheSync   time.Duration // the kubelet has not read a Secret or ConfigMap yet
	Volume      time.Duration // a Secret, ConfigMap or claim that a volume names is missing
	Create      time.Duration // the runtime cannot create the container for another reason
	Schedule    time.Duration // no node takes the pod
	Claim       time.Duration // a claim gets no volume
	Quota       time.Duration // a quota refuses the pod
	Admission   time.Duration // another admission rule refuses the pod
	Webhook     time.Duration // an admission webhook does not answer
	Node        time.Duration // the pod's node is not ready
	Absent      time.Duration // the workload itself does not exist
	CrashRepeat time.Duration // all new pods crashed for the third time
	Crashing    time.Duration // and since the first back-off of their container
	Command     time.Duration // the command cannot be started, seen once

	// Counts: how many tries prove a cause.

	CrashRestarts int32 // restarts of a container that still crashes
	CommandTries  int32 // starts of a command that cannot be started
	MemoryTries   int32 // kills for want of memory

	// The wait itself.

	MinReady          time.Duration // how long a container without a readiness probe must have run; doubles with each restart
	MinReadyLagFactor int           // where the kubelet is late, so many times as long as it was
	MaxMinReady       time.Duration // at most, all told
	NewPodAge         time.Duration // pods of at most this age at the wait's start are of this rollout
	NodeRecoveryGrace time.Duration // crashes up to then after a killed node came back are no evidence
	StaleGrace        time.Duration // grace for evidence that is older than the wait, of pods that are not young

}

// DefaultThresholds are tkdeploy's limits. The kubelet's constants named here are
// those of Kubernetes 1.37 (pkg/kubelet/kubelet.go and pkg/kubelet/images).
func DefaultThresholds() Thresholds {
	return Thresholds{
		Image:       0,                // a registry's "not found" is an answer, and the kubelet's own retry asks the same again
		Registry:    10 * time.Second, // imageBackOffPeriod: the kubelet tries a second time after 10 s
		Config:      10 * time.Second, // the kubelet looks again every 10 s; an operator may be writing the object
		CacheSync:   30 * time.Second, // transient by design ("failed to sync secret cache"), krane#886
		Volume:      20 * time.Second, // mount retries double from 0.5 s: five of them fall into 20 s
		Create:      20 * time.Second, // "failed to reserve container name" heals with the next try, 10 s later
		Schedule:    20 * time.Second, // pods that are ending give their room back within seconds
		Claim:       30 * time.Second, // a provisioner starts a pod of its own for a volume
		Quota:       10 * time.Second, // old pods that are ending still count
		Admission:   2 * time.Second,  // admission gives the same answer to the same pod
		Webhook:     60 * time.Second, // a webhook of the same chart may be starting (kind#1582)
		Node:        60 * time.Second, // a node's heartbeat may be missed for 40 s (node-monitor-grace-period)
		Absent:      10 * time.Second, // somebody replaces it, or deleted it
		CrashRepeat: 10 * time.Second, // the next try comes after 20 s: nothing more can be seen before
		Crashing:    30 * time.Second, // what a container needs has half a minute; kubelets start the third run 10 to 30 s late (kubernetes#123602)
		Command:     20 * time.Second, // the second try comes after at most 10 s

		CrashRestarts: 3, // restarts come after 0, 10 and 30 s
		CommandTries:  2, // a volume that brings the command is mounted before the first
		MemoryTries:   2, // the first kill may be a peak at start

		MinReady:          5 * time.Second, // without a probe "ready" only means "started": most crashes come within 5 s
		MinReadyLagFactor: 3,               // a kubelet without a core tells of a crash as late as of the start, give or take
		MaxMinReady:       40 * time.Second,
		NewPodAge:         60 * time.Second, // applying a chart takes seconds
		NodeRecoveryGrace: 60 * time.Second, // pods start before the network of their node does; restarts come after 0, 10 and 30 s
		StaleGrace:        60 * time.Second, // back-offs grow to 5 minutes; most are below one

	}
}
