package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/missing"
	"tkdeploy.dev/tkdeploy/internal/health/room"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// volumes diagnoses a volume that cannot be mounted. Only events show it.
func (p podDiagnoser) volumes() []Cause {
	if started(p.pod) {
		return nil
	}
	mount := p.events(func(e *corev1.Event) bool {
		return (e.Reason == "FailedMount" || e.Reason == "FailedAttachVolume") &&
			!strings.Contains(e.Message, "failed to sync") && !strings.Contains(e.Message, "unmounted volumes=")
	})
	if !mount.Seen() {
		return nil
	}
	if object := missing.OfVolume(p.pod, mount.Message); object != "" {
		c := p.missingObject(object, mount.First)
		c.evidence = mount.Last
		c.Detail = []string{text.OneLine(mount.Message)}
		return []Cause{c}
	}
	c := p.cause(VolumeMount, "", mount.First)
	c.Message = "cannot mount a volume"
	c.Detail = []string{text.OneLine(mount.Message)}
	c.Hint = "delete the pod that holds the volume on another node, if it is still attached there"
	return []Cause{c}
}

func (p podDiagnoser) missingObject(missing string, since time.Time) Cause {
	grace := p.d.thresholds.Volume
	if missing == "ConfigMap kube-root-ca.crt" {
		grace = p.d.thresholds.Default
	}
	c := p.cause(MissingVolumeObject, missing, since).after(grace)
	c.remedy = readyRelease
	c.Message = missing + " not found (referenced by a volume of the pod)"
	c.Hint = fmt.Sprintf("create %s in namespace %s, or fix its name in the chart", missing, p.pod.Namespace)
	return c
}

// sandbox diagnoses a pod that its node cannot set up. This is never fatal: the
// node's network may still be starting.
func (p podDiagnoser) sandbox() []Cause {
	s := p.events(events.WithReason("FailedCreatePodSandBox", ""))
	if started(p.pod) || !s.Seen() {
		return nil
	}
	c := p.cause(PodSandbox, "", s.First)
	c.Message = "the node cannot set up the pod"
	c.Detail = []string{text.OneLine(s.Message)}
	c.Hint = "check the node's network plugin: the pods of namespace kube-system on that node"
	if limit, limited := room.MemoryLimit(p.pod); limited && sandboxKilled.MatchString(s.Message) {
		c.Hint = fmt.Sprintf("raise resources.limits.memory: the pod's memory limit is %s, and its first process was killed, usually for lack of memory", limit)
	}
	return []Cause{c}
}

// sandboxKilled matches messages of containerd and runc.
var sandboxKilled = regexp.MustCompile(`cannot start a stopped process|OOM-killed`)

func started(pod *corev1.Pod) bool {
	for _, s := range containerStatuses(pod) {
		if s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil {
			return true
		}
	}
	return false
}
