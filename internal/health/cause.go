package health

import "time"

// Reason is a machine-readable identifier of a cause.
type Reason string

// The reasons.
const (
	ImagePull             Reason = "ImagePull"             // the image cannot be pulled
	ImageNeverPull        Reason = "ImageNeverPull"        // the image is not on the node, and imagePullPolicy is Never
	InvalidImageName      Reason = "InvalidImageName"      // the image reference is invalid
	CreateContainerConfig Reason = "CreateContainerConfig" // an environment variable's Secret, ConfigMap or key is missing, or the user is not allowed
	CreateContainer       Reason = "CreateContainer"       // the runtime cannot create the container
	MissingVolumeObject   Reason = "MissingVolumeObject"   // a volume's Secret, ConfigMap, key or claim is missing
	VolumeMount           Reason = "VolumeMount"           // a volume cannot be attached or mounted for another reason
	CrashLoop             Reason = "CrashLoop"             // the container exits repeatedly
	LivenessFailed        Reason = "LivenessFailed"        // the kubelet restarts the container because its liveness or startup probe fails
	OOMKilled             Reason = "OOMKilled"             // the container exceeded its memory limit
	BadCommand            Reason = "BadCommand"            // the command is missing from the image or not executable
	ExecFormat            Reason = "ExecFormat"            // the program is built for another CPU architecture
	Unschedulable         Reason = "Unschedulable"         // no node fits the pod
	VolumeClaimPending    Reason = "VolumeClaimPending"    // a claim is not bound
	QuotaExceeded         Reason = "QuotaExceeded"         // a ResourceQuota rejects the pods
	PodSecurity           Reason = "PodSecurity"           // the namespace's pod security level rejects the pods
	WebhookDenied         Reason = "WebhookDenied"         // an admission webhook or policy rejects the pods
	WebhookUnavailable    Reason = "WebhookUnavailable"    // an admission webhook is not responding
	PodRefused            Reason = "PodRefused"            // the API server rejects the pods for another reason
	NotReady              Reason = "NotReady"              // the container runs, but its readiness or startup probe fails
	PodSandbox            Reason = "PodSandbox"            // the node cannot set up the pod, usually because of its network
	PodFailed             Reason = "PodFailed"             // the whole pod failed: evicted, or rejected by the node
	NodeNotReady          Reason = "NodeNotReady"          // the pod's node is not ready
	JobFailed             Reason = "JobFailed"             // the Job failed
	RolloutPaused         Reason = "RolloutPaused"         // the workload's spec pauses or suspends it
	ProgressDeadline      Reason = "ProgressDeadline"      // the Deployment exceeded its progress deadline
	NotFound              Reason = "NotFound"              // the workload does not exist
	Starting              Reason = "Starting"              // no problem is known
)

// Cause is a reason why a workload is not ready. Pods and nodes with the same
// problem share one Cause.
type Cause struct {
	Reason    Reason
	Object    Object
	Pods      []string // sorted; empty if there is no pod
	Nodes     []string // the pods' nodes, sorted
	Container string   // empty unless the cause concerns one container
	Init      bool     // Container is an init container

	Message string   // the problem in one line, without the workload's name
	Detail  []string // evidence: container state, exit code, probe and its last failure, events
	Hint    string   // what to do next
	Command []string // arguments of the kubectl command that shows more

	Since      time.Time // when the cluster first reported it; zero if unknown
	ObservedAt time.Time // when it was diagnosed
	FatalAt    time.Time // from this time on it ends a wait; zero means never

	Log      *Log     // the log that may explain it; nil if there is none
	LogLines []string // the last lines of Log, if the caller fetched them

	subject  string    // distinguishes causes with the same Reason: an image, a missing object
	ifAll    time.Time // FatalAt if all new pods have the cause
	evidence time.Time // time of the latest evidence; zero if the API records none
	born     time.Time // creation time of the object that shows the cause
}

// Log identifies a container's log.
type Log struct {
	Pod       string
	Container string
	Previous  bool // the log of the container's previous run
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
