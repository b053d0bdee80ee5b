package world

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Snapshot is a cluster at one time.
type Snapshot struct {
	Pods     []corev1.Pod     // of the app
	Revision int              // of the Helm release, 0 if there is none
	Blobs    map[string]int64 // what the node's containerd has: bytes by digest
}

// A Change is what is different between two snapshots.
type Change struct {
	Revisions int   `json:"revisions"` // Helm revisions written
	Rolled    int   `json:"rolled"`    // workloads of which all pods are gone that were there
	Restarted int   `json:"restarted"` // containers restarted
	NewBytes  int64 `json:"new_bytes"` // of layers, manifests and configs that the node did not have, each once

	SlowestPod float64 `json:"slowest_pod"` // seconds from a workload's pod's creation to ready, of those now there; whole seconds
}

// Snapshot looks at the cluster.
func (c *Cluster) Snapshot(ctx context.Context) (Snapshot, error) {
	pods, err := c.pods(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	records, err := c.kube.CoreV1().Secrets(c.namespace).List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return Snapshot{}, fmt.Errorf("list Helm's records: %w", err)
	}
	s := Snapshot{Pods: pods}
	for _, record := range records.Items {
		if n, err := strconv.Atoi(record.Labels["version"]); err == nil {
			s.Revision = max(s.Revision, n)
		}
	}
	listed, err := c.inNode(ctx, ListBlobs...)
	if err != nil {
		return Snapshot{}, fmt.Errorf("list what the node's containerd has: %w", err)
	}
	s.Blobs, err = ParseBlobs(string(listed))
	return s, err
}

// ListBlobs is the command that lists what a node, or its image, has.
var ListBlobs = []string{
	"find", "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256", "-type", "f", "-printf", `%f %s\n`,
}

// ParseBlobs reads what ListBlobs says.
func ParseBlobs(text string) (map[string]int64, error) {
	blobs := map[string]int64{}
	for line := range strings.Lines(text) {
		name, size, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the list of a node's contents: %w", err)
		}
		blobs[name] = n
	}
	return blobs, nil
}

// Compare tells what changed from before to after.
func Compare(before, after Snapshot) Change {
	change := Change{Revisions: after.Revision - before.Revision}
	for digest, size := range after.Blobs {
		if _, had := before.Blobs[digest]; !had {
			change.NewBytes += size
		}
	}
	was := map[string]int{}
	for _, pod := range before.Pods {
		was[string(pod.UID)] = restarts(pod)
	}
	stays := map[string]bool{}
	for _, pod := range after.Pods {
		if owner(pod) == "" || pod.DeletionTimestamp != nil {
			continue
		}
		stays[string(pod.UID)] = true
		change.Restarted += restarts(pod) - was[string(pod.UID)]
		if since := readySince(pod); since != nil {
			change.SlowestPod = max(change.SlowestPod, since.Sub(pod.CreationTimestamp.Time).Seconds())
		}
	}
	kept := map[string]bool{} // a workload that an autoscaler made smaller has not rolled
	for _, pod := range before.Pods {
		if name := owner(pod); name != "" {
			kept[name] = kept[name] || stays[string(pod.UID)]
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
