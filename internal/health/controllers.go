package health

import (
	"cmp"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

func (d *diagnoser) diagnoseController(pods []*corev1.Pod) []Cause {
	found := d.rejectedPods(pods)
	switch w := d.workload.(type) {
	case *appsv1.Deployment:
		found = append(found, d.deployment(w)...)
	case *batchv1.Job:
		found = append(found, d.job(w, pods)...)
	}
	return found
}

func (d *diagnoser) deployment(w *appsv1.Deployment) []Cause {
	if w.Spec.Paused {
		c := d.workloadCause(RolloutPaused, d.now).after(0)
		c.evidence = d.now
		c.Message = "paused: the new revision is not rolled out"
		c.Hint = "resume the rollout, or set spec.paused to false in the chart"
		c.Command = kubectl(d.object.Namespace, "rollout", "resume", kubectlName(d.object))
		return []Cause{c}
	}
	if w.Status.ObservedGeneration < w.Generation {
		return nil
	}
	for _, cond := range w.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse && cond.Reason == "ProgressDeadlineExceeded" {
			c := d.workloadCause(ProgressDeadline, cond.LastUpdateTime.Time).after(0)
			c.evidence = cond.LastUpdateTime.Time
			if set := d.index.newReplicaSet(w); set != nil {
				c.born = set.CreationTimestamp.Time
			}
			c.Message = "no progress within progressDeadlineSeconds"
			c.Detail = []string{text.OneLine(cond.Message)}
			c.Hint = "check its newest pods"
			return []Cause{c}
		}
	}
	return nil
}

func (d *diagnoser) job(job *batchv1.Job, pods []*corev1.Pod) []Cause {
	if paused(job) {
		c := d.workloadCause(RolloutPaused, d.now).after(0)
		c.evidence = d.now
		c.Message = "suspended: the Job does not start"
		c.Hint = "set spec.suspend to false"
		return []Cause{c}
	}
	for _, cond := range job.Status.Conditions {
		if cond.Status != corev1.ConditionTrue || cond.Type != batchv1.JobFailed && cond.Type != batchv1.JobFailureTarget {
			continue
		}
		c := d.workloadCause(JobFailed, cond.LastTransitionTime.Time).after(0)
		c.evidence = d.now // a failed Job does not retry
		c.Message = fmt.Sprintf("failed: %s", cmp.Or(text.OneLine(cond.Message), cond.Reason))
		c.Detail = []string{fmt.Sprintf("%s, reason %s", text.Plural(job.Status.Failed, "failed pod"), cond.Reason)}
		c.Hint = "check the log of its last pod"
		d.lastRun(&c, pods)
		return []Cause{c}
	}
	return nil
}

func (d *diagnoser) lastRun(c *Cause, pods []*corev1.Pod) {
	var newest time.Time
	for _, pod := range pods {
		for _, s := range containerStatuses(pod) {
			end := s.State.Terminated
			if end == nil || end.ExitCode == 0 || end.FinishedAt.Time.Before(newest) {
				continue
			}
			newest = end.FinishedAt.Time
			c.Pods, c.Nodes = []string{pod.Name}, []string{pod.Spec.NodeName}
			c.Log = &Log{Pod: pod.Name, Container: s.Name}
			c.Detail = append(c.Detail[:1], fmt.Sprintf("container %s: %s", s.Name, endLine(end)))
			c.Command = kubectl(pod.Namespace, "logs", pod.Name, "--container", s.Name)
		}
	}
}
