package health

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/missing"
	"tkdeploy.dev/tkdeploy/internal/health/room"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// failed diagnoses a failed pod. This is never fatal: the controller replaces the
// pod. A Job's own status decides.
func (p podDiagnoser) failed() []Cause {
	if p.pod.Status.Phase != corev1.PodFailed || p.d.object.Kind == Job {
		return nil
	}
	if p.d.object.Kind == Pod {
		return []Cause{p.d.endedPod(p.pod)}
	}
	c := p.cause(PodFailed, p.pod.Status.Reason, p.pod.CreationTimestamp.Time)
	c.Message = fmt.Sprintf("pod failed: %s", cmp.Or(p.pod.Status.Reason, "no reason given"))
	if p.pod.Status.Message != "" {
		c.Detail = []string{text.OneLine(p.pod.Status.Message)}
	}
	c.Hint = "check the node's conditions: a node evicts or rejects pods if it is short of memory, disk or pod slots"
	return []Cause{c}
}

func (p podDiagnoser) scheduling() []Cause {
	if p.pod.Spec.NodeName != "" {
		return nil
	}
	cond := podCondition(p.pod, corev1.PodScheduled)
	if cond == nil || cond.Status != corev1.ConditionFalse {
		return p.unboundClaim()
	}
	if claim := missing.OfVolume(p.pod, cond.Message); claim != "" {
		return []Cause{p.missingObject(claim, cond.LastTransitionTime.Time)}
	}
	if strings.Contains(cond.Message, "unbound immediate PersistentVolumeClaims") {
		if found := p.unboundClaim(); found != nil {
			return found
		}
		c := p.unschedulable(cond)
		c.FatalAt, c.Waiting = time.Time{}, "waiting for a volume to be provisioned"
		return []Cause{c}
	}
	return []Cause{p.unschedulable(cond)}
}

// Messages of the scheduler (Kubernetes 1.37).
var (
	preemption   = regexp.MustCompile(`\s*preemption:.*$`)
	onlyNotReady = regexp.MustCompile(`\d+ node\(s\) had untolerated taint(\(s\))? \{?node\.kubernetes\.io/(not-ready|unreachable)`)
)

func (p podDiagnoser) unschedulable(cond *corev1.PodCondition) Cause {
	shortage := strings.TrimSuffix(preemption.ReplaceAllString(text.OneLine(cond.Message), ""), ".")
	c := p.cause(Unschedulable, shortage, cond.LastTransitionTime.Time).after(p.d.thresholds.Schedule)
	c.Message = "cannot be scheduled: " + shortage
	if r := room.Requests(p.pod); r != "" {
		c.Detail = append(c.Detail, "the pod requests "+r)
	}
	c.Detail = append(c.Detail, room.Capacity(p.d.index.snapshot.Nodes)...)
	c.Hint = room.Hint(cond.Message)
	tried := p.events(events.WithReason("FailedScheduling", ""))
	c.evidence = tried.Last
	switch {
	case onlyNotReady.MatchString(cond.Message):
		c.FatalAt = c.Since.Add(p.d.thresholds.Node)
	case p.events(events.WithReason("TriggeredScaleUp", "")).Seen():
		c.FatalAt, c.Waiting = time.Time{}, "waiting for the cluster autoscaler to add a node"
	case p.pod.Status.NominatedNodeName != "":
		c.FatalAt, c.Waiting = time.Time{}, "waiting for preempted pods on node "+p.pod.Status.NominatedNodeName+" to end"
	default:
		p.awaitRoom(&c)
	}
	return c
}

// awaitRoom delays the cause while pods that may block this one are ending. It
// does nothing if the pod does not fit on an empty node.
func (p podDiagnoser) awaitRoom(c *Cause) {
	usable := func(n *corev1.Node) bool { return room.CanFit(p.pod, n) }
	nodes := p.d.index.snapshot.Nodes
	if len(nodes) > 0 && !slices.ContainsFunc(nodes, usable) {
		return
	}
	c.remedy = freeRoom
	p.d.awaitEnd(c, p.d.thresholds.Freed, func(pod *corev1.Pod) bool {
		node := p.d.index.nodes[pod.Spec.NodeName]
		return pod.Spec.NodeName != "" && (node == nil || usable(node))
	})
}

// unboundClaim finds a claim that failed to provision. Pending alone is normal:
// with WaitForFirstConsumer a claim is Pending until the pod has a node.
func (p podDiagnoser) unboundClaim() []Cause {
	for _, volume := range p.pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		claim := p.d.index.claims[p.pod.Namespace+"/"+volume.PersistentVolumeClaim.ClaimName]
		if claim == nil || claim.Status.Phase == corev1.ClaimBound {
			continue
		}
		failed := p.d.index.summarize(claim.UID, func(e *corev1.Event) bool {
			return e.Reason == "ProvisioningFailed" || e.Reason == "FailedBinding"
		})
		if failed.Seen() {
			return []Cause{p.pendingClaim(claim, failed)}
		}
	}
	return nil
}

func (p podDiagnoser) pendingClaim(claim *corev1.PersistentVolumeClaim, failed events.Summary) Cause {
	c := p.cause(VolumeClaimPending, claim.Name, failed.First).after(p.d.thresholds.Claim)
	c.remedy = readyRelease
	class := "no storage class"
	if claim.Spec.StorageClassName != nil {
		class = "storage class " + *claim.Spec.StorageClassName
	}
	c.Message = fmt.Sprintf("claim %s is not bound (%s, %s)", claim.Name, class, claim.Spec.Resources.Requests.Storage())
	c.Detail = []string{text.OneLine(failed.Message)}
	c.Hint = "use an existing storage class (kubectl get storageclass), or check its provisioner's pods"
	c.Command = kubectl(claim.Namespace, "describe", "pvc", claim.Name)
	c.evidence = failed.Last
	return c
}

func (p podDiagnoser) node() []Cause {
	node := p.d.index.nodes[p.pod.Spec.NodeName]
	if node == nil {
		return nil
	}
	for _, cond := range node.Status.Conditions {
		if cond.Type != corev1.NodeReady || cond.Status == corev1.ConditionTrue {
			continue
		}
		c := p.cause(NodeNotReady, node.Name, cond.LastTransitionTime.Time).after(p.d.thresholds.Node)
		c.Message = fmt.Sprintf("node %s is not ready", node.Name)
		c.Detail = []string{text.OneLine(cond.Reason + ": " + cond.Message)}
		c.Hint = "restart the node: its kubelet has stopped or lost its network"
		c.Command = []string{"describe", "node", node.Name}
		return []Cause{c}
	}
	return nil
}
