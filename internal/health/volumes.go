package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/room"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Kubelet messages about volumes (pkg/volume/{secret,configmap,projected},
// Kubernetes 1.37).
var (
	volumeOf      = regexp.MustCompile(`for volume "([^"]+)"`)
	missingObject = regexp.MustCompile(`(secret|configmap|persistentvolumeclaim) "([^"]+)" not found`)
	missingItem   = regexp.MustCompile(`references non-existent (?:secret|config) key: (\S+)`)
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
	if !mount.seen() {
		return nil
	}
	if missing := p.volumeObject(mount.message); missing != "" {
		c := p.missingObject(missing, mount.first)
		c.evidence = mount.last
		c.Detail = []string{text.OneLine(mount.message)}
		return []Cause{c}
	}
	c := p.cause(VolumeMount, "", mount.first)
	c.Message = "cannot mount a volume"
	c.Detail = []string{text.OneLine(mount.message)}
	c.Hint = "delete the pod that holds the volume on another node, if it is still attached there"
	return []Cause{c}
}

// volumeObject returns the missing object in a FailedMount message, or "".
func (p podDiagnoser) volumeObject(message string) string {
	if m := missingObject.FindStringSubmatch(message); m != nil {
		return kindName(m[1]) + " " + m[2]
	}
	item := missingItem.FindStringSubmatch(message)
	if item == nil {
		return ""
	}
	volume := volumeOf.FindStringSubmatch(message)
	if volume == nil {
		return "key " + item[1]
	}
	return fmt.Sprintf("key %s of %s", item[1], p.volumeSource(volume[1]))
}

func (p podDiagnoser) volumeSource(name string) string {
	for _, v := range p.pod.Spec.Volumes {
		switch {
		case v.Name != name:
		case v.Secret != nil:
			return "Secret " + v.Secret.SecretName
		case v.ConfigMap != nil:
			return "ConfigMap " + v.ConfigMap.Name
		}
	}
	return "volume " + name
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
	s := p.events(withReason("FailedCreatePodSandBox", ""))
	if started(p.pod) || !s.seen() {
		return nil
	}
	c := p.cause(PodSandbox, "", s.first)
	c.Message = "the node cannot set up the pod"
	c.Detail = []string{text.OneLine(s.message)}
	c.Hint = "check the node's network plugin: the pods of namespace kube-system on that node"
	if limit, limited := room.MemoryLimit(p.pod); limited && sandboxKilled.MatchString(s.message) {
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

func kindName(kind string) string {
	switch strings.ToLower(kind) {
	case "secret":
		return "Secret"
	case "configmap":
		return "ConfigMap"
	}
	return "claim"
}
