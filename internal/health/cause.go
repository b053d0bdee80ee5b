package health

import "time"

// Reason is a machine-readable identifier of a cause.
type Reason string

// The reasons.
const (
	ImagePull             Reason = "ImagePull"
	ImageNeverPull        Reason = "ImageNeverPull" // not on the node, and imagePullPolicy is Never
	InvalidImageName      Reason = "InvalidImageName"
	CreateContainerConfig Reason = "CreateContainerConfig" // missing Secret, ConfigMap or key in the environment, or a forbidden user
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
	NotReady              Reason = "NotReady"   // its readiness or startup probe fails
	PodSandbox            Reason = "PodSandbox" // usually the node's network
	PodFailed             Reason = "PodFailed"  // evicted, or rejected by the node
	NodeNotReady          Reason = "NodeNotReady"
	JobFailed             Reason = "JobFailed"
	RolloutPaused         Reason = "RolloutPaused" // or a suspended Job
	ProgressDeadline      Reason = "ProgressDeadline"
	NotFound              Reason = "NotFound"
	Starting              Reason = "Starting" // no problem is known
)

// Cause is a reason why a workload is not ready. Pods and nodes with the same
// problem share one Cause.
type Cause struct {
	Reason    Reason
	Object    Object
	Pods      []string // sorted
	Nodes     []string // the pods' nodes, sorted
	Container string   // empty unless the cause concerns one container
	Init      bool     // Container is an init container

	Message string   // the problem in one line, without the names of workload and container
	Detail  []string // the evidence, one line each
	Hint    string
	Command []string // arguments of the kubectl command that shows more

	Since      time.Time // zero if unknown
	ObservedAt time.Time
	FatalAt    time.Time // zero if never

	Log      *Log     // the log that may explain it, or nil
	LogLines []string // the end of Log, if the caller fetched it

	subject  string    // distinguishes causes with the same Reason: an image, a missing object
	ifAll    time.Time // FatalAt if all new pods have the cause
	evidence time.Time // time of the latest evidence; zero if unknown
	born     time.Time // creation time of the pod or workload
}

// Log identifies a container's log.
type Log struct {
	Pod       string
	Container string
	Previous  bool // of the previous run
}

// Fatal reports whether the cause was fatal when it was diagnosed.
func (c Cause) Fatal() bool { return !c.FatalAt.IsZero() && !c.ObservedAt.Before(c.FatalAt) }

// after returns the cause as fatal once it has lasted for grace.
func (c Cause) after(grace time.Duration) Cause {
	c.FatalAt = c.Since.Add(grace)
	return c
}

// Proven reports whether a problem is known, rather than a slow start.
func (c Cause) Proven() bool { return c.Reason != Starting }
