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

// controller lists the causes that the workload's controller shows, pods or not.
func (j *judge) controller(pods []*corev1.Pod) []Cause {
	found := j.refused(pods)
	switch w := j.workload.(type) {
	case *appsv1.Deployment:
		found = append(found, j.deployment(w)...)
	case *batchv1.Job:
		found = append(found, j.job(w, pods)...)
	}
	return found
}

func (j *judge) deployment(d *appsv1.Deployment) []Cause {
	if d.Spec.Paused {
		c := j.workloadCause(RolloutPaused, j.now).after(0)
		c.evidence = j.now
		c.Message = "is paused: its new revision is not rolled out"
		c.Hint = "Resume it, or set spec.paused to false in the chart."
		c.Command = fmt.Sprintf("kubectl --namespace %s rollout resume %s", j.object.Namespace, kubectlName(j.object))
		return []Cause{c}
	}
	if d.Status.ObservedGeneration < d.Generation {
		return nil
	}
	for _, cond := range d.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse && cond.Reason == "ProgressDeadlineExceeded" {
			c := j.workloadCause(ProgressDeadline, cond.LastUpdateTime.Time).after(0)
			c.evidence = cond.LastUpdateTime.Time
			if set := j.newReplicaSet(d); set != nil {
				c.born = set.CreationTimestamp.Time
			}
			c.Message = "made no progress within its progressDeadlineSeconds"
			c.Detail = []string{text.OneLine(cond.Message)}
			c.Hint = "Look at its newest pods."
			return []Cause{c}
		}
	}
	return nil
}

func (j *judge) job(job *batchv1.Job, pods []*corev1.Pod) []Cause {
	if paused(job) {
		c := j.workloadCause(RolloutPaused, j.now).after(0)
		c.evidence = j.now
		c.Message = "is suspended: it does not start"
		c.Hint = "Set spec.suspend to false."
		return []Cause{c}
	}
	for _, cond := range job.Status.Conditions {
		if cond.Status != corev1.ConditionTrue || cond.Type != batchv1.JobFailed && cond.Type != batchv1.JobFailureTarget {
			continue
		}
		c := j.workloadCause(JobFailed, cond.LastTransitionTime.Time).after(0)
		c.evidence = j.now // a Job does not try again once it has failed
		c.Message = fmt.Sprintf("gave up: %s", cmp.Or(text.OneLine(cond.Message), cond.Reason))
		c.Detail = []string{fmt.Sprintf("%s of its pods, reason %s", text.Plural(job.Status.Failed, "failure"), cond.Reason)}
		c.Hint = "Read the log of its last pod."
		j.lastRun(&c, pods)
		return []Cause{c}
	}
	return nil
}

// lastRun points a Job's cause at the container that failed last.
func (j *judge) lastRun(c *Cause, pods []*corev1.Pod) {
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
			c.Command = fmt.Sprintf("kubectl --namespace %s logs %s --container %s", pod.Namespace, pod.Name, s.Name)
		}
	}
}
