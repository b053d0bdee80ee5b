package health

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Reason identifies the problem behind a cause.
type Reason string

// The reasons.
const (
	ImagePull             Reason = "ImagePull"
	ImageNeverPull        Reason = "ImageNeverPull" // image not on the node
	InvalidImageName      Reason = "InvalidImageName"
	CreateContainerConfig Reason = "CreateContainerConfig" // missing Secret, ConfigMap or key, or a forbidden user
	CreateContainer       Reason = "CreateContainer"
	MissingVolumeObject   Reason = "MissingVolumeObject" // missing Secret, ConfigMap, key or claim
	VolumeMount           Reason = "VolumeMount"
	CrashLoop             Reason = "CrashLoop"
	LivenessFailed        Reason = "LivenessFailed" // or the startup probe
	OOMKilled             Reason = "OOMKilled"
	BadCommand            Reason = "BadCommand" // missing from the image or not executable
	ExecFormat            Reason = "ExecFormat" // built for another CPU architecture
	Unschedulable         Reason = "Unschedulable"
	VolumeClaimPending    Reason = "VolumeClaimPending"
	QuotaExceeded         Reason = "QuotaExceeded"
	PodSecurity           Reason = "PodSecurity"
	WebhookDenied         Reason = "WebhookDenied" // or an admission policy
	WebhookUnavailable    Reason = "WebhookUnavailable"
	PodRefused            Reason = "PodRefused" // rejected for another reason
	NotReady              Reason = "NotReady"   // a probe or readiness gate fails
	PodSandbox            Reason = "PodSandbox" // usually the node's network
	PodFailed             Reason = "PodFailed"  // evicted, or rejected by the node
	NodeNotReady          Reason = "NodeNotReady"
	JobFailed             Reason = "JobFailed"
	RolloutPaused         Reason = "RolloutPaused" // or a suspended Job
	ProgressDeadline      Reason = "ProgressDeadline"
	NotFound              Reason = "NotFound"
	Terminating           Reason = "Terminating" // an old pod does not end
	Starting              Reason = "Starting"    // no known problem
)

// Cause explains why a workload is not ready. Pods with the same problem share
// one Cause.
type Cause struct {
	Reason    Reason
	Object    Object
	Pods      []string // sorted
	Nodes     []string // the pods' nodes, sorted
	Container string   // may be empty
	Init      bool     // Container is an init container

	Message string   // one line, without the names of workload and container
	Detail  []string // evidence, one line each
	Hint    string
	Command []string // kubectl arguments that show more

	// Declared are the ports of the container if its probe uses another one. If the
	// process listens on one of them, the cause is fatal; see [Snapshot.Listening].
	Declared []corev1.ContainerPort

	Since      time.Time // zero if unknown
	ObservedAt time.Time
	FatalAt    time.Time // zero if never, or while Waiting

	// Waiting is what may heal the cause: "waiting for web-1 to end". Waited is
	// how far that is: "12s of 30s". Both may be empty.
	Waiting string
	Waited  string

	// Lasting reports whether the cause is proof if it lasts until the deadline.
	// Others may mean that the workload is only slow.
	Lasting bool

	Log      *Log     // may explain the problem, or nil
	LogLines []string // end of Log, if fetched

	subject     string    // an image or missing object; distinguishes causes with the same Reason
	ifAll       time.Time // FatalAt if all new pods have the cause
	evidence    time.Time // latest; zero if unknown
	born        time.Time // creation of the pod or workload
	remedy      remedy
	run         time.Time // start of the last failed run, for a crash
	attempts    int32     // failed runs
	consequence bool      // of the problem of another workload
}

// remedy is what may heal a cause, apart from time.
type remedy int

const (
	noRemedy     remedy = iota
	readyRelease        // another workload of the release that becomes ready
	freeRoom            // a pod that ends and frees its resources
)

// Log identifies a container's log.
type Log struct {
	Pod       string
	Container string
	Previous  bool // of the previous run
}

// Fatal reports whether the cause was fatal at ObservedAt.
func (c Cause) Fatal() bool { return !c.FatalAt.IsZero() && !c.ObservedAt.Before(c.FatalAt) }

// after returns the cause, fatal once it has lasted for grace.
func (c Cause) after(grace time.Duration) Cause {
	c.FatalAt = c.Since.Add(grace)
	return c
}

// Proven reports whether a problem is known.
func (c Cause) Proven() bool { return c.Reason != Starting }
