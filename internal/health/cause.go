package health

import "time"

// A Code is what is wrong, as a word that a script can compare.
type Reason string

// The codes.
const (
	ImagePull             Reason = "ImagePull"             // the image cannot be had
	ImageNeverPull        Reason = "ImageNeverPull"        // not on the node, and the policy is Never
	InvalidImageName      Reason = "InvalidImageName"      // no reference at all
	CreateContainerConfig Reason = "CreateContainerConfig" // an environment variable's Secret, ConfigMap or key is missing, or the user is refused
	CreateContainer       Reason = "CreateContainer"       // the runtime cannot create the container
	MissingVolumeObject   Reason = "MissingVolumeObject"   // a volume's Secret, ConfigMap, key or claim is missing
	VolumeMount           Reason = "VolumeMount"           // a volume cannot be attached or mounted for another reason
	CrashLoop             Reason = "CrashLoop"             // the container ends again and again
	LivenessFailed        Reason = "LivenessFailed"        // the kubelet restarts the container: its liveness or startup probe fails
	OOMKilled             Reason = "OOMKilled"             // over its memory limit
	BadCommand            Reason = "BadCommand"            // the command is not in the image or cannot be executed
	ExecFormat            Reason = "ExecFormat"            // the program is for another CPU architecture
	Unschedulable         Reason = "Unschedulable"         // no node takes the pod
	VolumeClaimPending    Reason = "VolumeClaimPending"    // a claim gets no volume
	QuotaExceeded         Reason = "QuotaExceeded"         // a ResourceQuota refuses the pods
	PodSecurity           Reason = "PodSecurity"           // the namespace's pod security level refuses the pods
	WebhookDenied         Reason = "WebhookDenied"         // an admission webhook refuses the pods
	WebhookUnavailable    Reason = "WebhookUnavailable"    // an admission webhook does not answer
	PodRefused            Reason = "PodRefused"            // the API server refuses the pods for another reason
	NotReady              Reason = "NotReady"              // running, and the readiness or startup probe does not pass
	PodSandbox            Reason = "PodSandbox"            // the node cannot set the pod up: mostly its network
	PodFailed             Reason = "PodFailed"             // the pod as a whole failed: evicted, refused by the node
	NodeNotReady          Reason = "NodeNotReady"          // the pod's node does not answer
	JobFailed             Reason = "JobFailed"             // the Job gave up
	RolloutPaused         Reason = "RolloutPaused"         // the workload's spec says paused or suspended
	ProgressDeadline      Reason = "ProgressDeadline"      // Kubernetes itself says that the Deployment does not progress
	NotFound              Reason = "NotFound"              // the workload does not exist
	Starting              Reason = "Starting"              // nothing is known to be wrong
)

// A Cause is one reason why one workload is not ready. Pods, containers and
// nodes that share the reason share the Cause.
type Cause struct {
	Reason    Reason
	Object    Object
	Pods      []string // ordered; empty if there is no pod
	Nodes     []string // of those pods, ordered
	Container string   // empty if the cause is not one of a container
	Init      bool     // Container is an init container

	Message string   // what is wrong, one line without the workload's name
	Detail  []string // the container's state, exit code, the probe and its last answer, deciding events
	Hint    string   // what to do next
	Command []string // arguments of the kubectl command that shows more

	Since      time.Time // first seen by the cluster; zero if that is not known
	ObservedAt time.Time // when it was classified
	FatalAt    time.Time // from when on it ends a wait; zero is never

	Log      *Log     // which log tells more; nil if none does
	LogLines []string // its last lines, if they were fetched

	subject  string    // what tells causes of one reason apart: an image, a missing object
	ifAll    time.Time // FatalAt, should all new pods have the cause
	evidence time.Time // the newest sign of it; zero if the API keeps no time
	born     time.Time // when what shows it was created
}

// A Log names a container's log.
type Log struct {
	Pod       string
	Container string
	Previous  bool // of the container's previous run
}

// Fatal reports whether the cause ended a wait when it was classified.
func (c Cause) Fatal() bool { return !c.FatalAt.IsZero() && !c.ObservedAt.Before(c.FatalAt) }

// after is the cause, fatal when it has been there for grace.
func (c Cause) after(grace time.Duration) Cause {
	c.FatalAt = c.Since.Add(grace)
	return c
}

// Proven reports whether something is known to be wrong.
func (c Cause) Proven() bool { return c.Reason != Starting }

// StillStarting is the cause of a workload of which nothing is known to be wrong.
func StillStarting(w Workload, now time.Time) Cause {
	return Cause{
		Reason: Starting, Object: w.Object, ObservedAt: now,
		Message: "still starting: " + w.Message,
		Hint:    "Give it more time (--timeout), or look at what it is doing.",
		Command: kubectl(w.Namespace, "describe", kubectlName(w.Object)),
	}
}
