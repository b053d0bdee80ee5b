package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// The kubelet's words for what a volume names and the cluster has not
// (pkg/volume/{secret,configmap,projected}, Kubernetes 1.37).
var (
	volumeOf      = regexp.MustCompile(`for volume "([^"]+)"`)
	missingObject = regexp.MustCompile(`(secret|configmap|persistentvolumeclaim) "([^"]+)" not found`)
	missingItem   = regexp.MustCompile(`references non-existent (?:secret|config) key: (\S+)`)
)

// volumes judges a scheduled pod whose containers wait for its volumes: only
// events tell of that.
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
	if what := p.volumeObject(mount.message); what != "" {
		c := p.missingObject(what, mount.first)
		c.evidence = mount.last
		c.Detail = []string{text.OneLine(mount.message)}
		return []Cause{c}
	}
	c := p.cause(VolumeMount, "", mount.first)
	c.Message = "a volume cannot be mounted"
	c.Detail = []string{text.OneLine(mount.message)}
	c.Hint = "If the volume is still attached to another node, delete the pod that holds it there."
	return []Cause{c}
}

// volumeObject names the missing object of a FailedMount message, or is "".
func (p podDiagnoser) volumeObject(message string) string {
	if m := missingObject.FindStringSubmatch(message); m != nil {
		return kindWord(m[1]) + " " + m[2]
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

// volumeSource says which object a volume of the pod is of.
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

// missingObject is the cause that a volume names something that is not there.
func (p podDiagnoser) missingObject(what string, since time.Time) Cause {
	c := p.cause(MissingVolumeObject, what, since).after(p.d.thresholds.Volume)
	c.Message = fmt.Sprintf("%s, which a volume of the pod names, does not exist", what)
	c.Hint = fmt.Sprintf("Create %s in namespace %s, or fix its name in the chart.", what, p.pod.Namespace)
	return c
}

// sandbox judges a pod that its node cannot set up. It may heal as long as the
// node's network is starting, so it is never fatal.
func (p podDiagnoser) sandbox() []Cause {
	s := p.events(withReason("FailedCreatePodSandBox", ""))
	if started(p.pod) || !s.seen() {
		return nil
	}
	c := p.cause(PodSandbox, "", s.first)
	c.Message = "the node cannot set the pod up"
	c.Detail = []string{text.OneLine(s.message)}
	c.Hint = "Mostly the node's network plugin: look at the pods of namespace kube-system on that node."
	if limit, limited := memoryLimit(p.pod); limited && diedAtOnce.MatchString(s.message) {
		c.Hint = fmt.Sprintf("The pod's first process was killed: mostly for want of memory, and the pod's memory limit is %s. Raise resources.limits.memory.", limit)
	}
	return []Cause{c}
}

// diedAtOnce is a sandbox whose process ended before it was to begin its work:
// in the words of containerd and of runc.
var diedAtOnce = regexp.MustCompile(`cannot start a stopped process|OOM-killed`)

// memoryLimit is the pod's, which its sandbox shares; there is none unless all
// containers have one.
func memoryLimit(pod *corev1.Pod) (limit string, limited bool) {
	var sum resource.Quantity
	for _, c := range pod.Spec.Containers {
		own, ok := c.Resources.Limits[corev1.ResourceMemory]
		if !ok {
			return "", false
		}
		sum.Add(own)
	}
	return sum.String(), true
}

// started reports whether a container of the pod has ever run.
func started(pod *corev1.Pod) bool {
	for _, s := range containerStatuses(pod) {
		if s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil {
			return true
		}
	}
	return false
}

func kindWord(kind string) string {
	switch strings.ToLower(kind) {
	case "secret":
		return "Secret"
	case "configmap":
		return "ConfigMap"
	}
	return "claim"
}
