package inspect

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Snapshot is the state of a cluster.
type Snapshot struct {
	Pods     []corev1.Pod
	Revision int              // of Helm, 0 without a release
	Blobs    map[string]int64 // sizes by digest
}

// Change is the difference between two snapshots.
type Change struct {
	Revisions int   `json:"revisions"`
	Rolled    int   `json:"rolled"` // workloads without any earlier pod
	Restarted int   `json:"restarted"`
	NewBytes  int64 `json:"new_bytes"` // of new layers, manifests and configs

	SlowestPod float64 `json:"slowest_pod"` // whole seconds from creation to ready
}

// Snapshot reads the current state of the cluster.
func (c *Cluster) Snapshot(ctx context.Context) (Snapshot, error) {
	pods, err := c.pods(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	records, err := c.kube.CoreV1().Secrets(c.namespace).List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return Snapshot{}, fmt.Errorf("list Helm release records: %w", err)
	}
	s := Snapshot{Pods: pods}
	for _, record := range records.Items {
		if n, err := strconv.Atoi(record.Labels["version"]); err == nil {
			s.Revision = max(s.Revision, n)
		}
	}
	listed, err := c.inNode(ctx, ListBlobs...)
	if err != nil {
		return Snapshot{}, fmt.Errorf("list blobs of node: %w", err)
	}
	s.Blobs, err = ParseBlobs(string(listed))
	return s, err
}

// ListBlobs is the command that lists the blobs of a node.
var ListBlobs = []string{
	"find", "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256", "-type", "f", "-printf", `%f %s\n`,
}

// ParseBlobs parses the output of ListBlobs into sizes by digest.
func ParseBlobs(text string) (map[string]int64, error) {
	blobs := map[string]int64{}
	for line := range strings.Lines(text) {
		name, size, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("parse list of blobs: %w", err)
		}
		blobs[name] = n
	}
	return blobs, nil
}

// Compare returns the changes from before to after.
func Compare(before, after Snapshot) Change {
	change := Change{Revisions: after.Revision - before.Revision}
	for digest, size := range after.Blobs {
		if _, had := before.Blobs[digest]; !had {
			change.NewBytes += size
		}
	}
	restartsBefore := map[string]int{}
	for _, pod := range before.Pods {
		restartsBefore[string(pod.UID)] = restarts(pod)
	}
	current := map[string]bool{}
	for _, pod := range after.Pods {
		if workloadOf(pod) == "" || pod.DeletionTimestamp != nil {
			continue
		}
		current[string(pod.UID)] = true
		change.Restarted += restarts(pod) - restartsBefore[string(pod.UID)]
		if since := readySince(pod); since != nil {
			change.SlowestPod = max(change.SlowestPod, since.Sub(pod.CreationTimestamp.Time).Seconds())
		}
	}
	kept := map[string]bool{} // a workload that was only scaled down has not rolled
	for _, pod := range before.Pods {
		if name := workloadOf(pod); name != "" {
			kept[name] = kept[name] || current[string(pod.UID)]
		}
	}
	for _, kept := range kept {
		if !kept {
			change.Rolled++
		}
	}
	return change
}

func restarts(pod corev1.Pod) int {
	n := 0
	for _, status := range pod.Status.ContainerStatuses {
		n += int(status.RestartCount)
	}
	return n
}
