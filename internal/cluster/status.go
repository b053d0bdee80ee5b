package cluster

// A Phase is what there is of a cluster.
type Phase string

// The phases. All but Absent and Foreign are of a cluster of ours.
const (
	Absent     Phase = "absent"
	Incomplete Phase = "incomplete" // an earlier create did not end: to be replaced
	Stopped    Phase = "stopped"    // its containers do not run: to be started, with its data
	NotReady   Phase = "unready"    // it runs, and its API or a node is not ready
	Running    Phase = "running"
	NotOwned   Phase = "foreign" // of this name, and not ours
	Outdated   Phase = "changed" // ours, with settings that a cluster cannot change
)

// A Status is a cluster's phase, in words, and its nodes.
type Status struct {
	Phase  Phase
	Reason string
	Nodes  []NodeStatus
}

// NodeStatus is one node.
type NodeStatus struct {
	Name    string `json:"name"`
	Ready   bool   `json:"ready"`
	Version string `json:"version,omitempty"` // the kubelet's
}

// markerName names the ConfigMap in kube-system that is written last when a
// cluster is created: a cluster without it is incomplete.
const markerName = "tkdeploy"

// The milestones of a cluster's creation, in their order.
const (
	NodesRunning = "nodes" // the nodes run, and their containerd answers
	APIReady     = "api"   // the API server answers, and the storage class is as wanted; a node may not be Ready yet
)

func nodeNames(containers []container) []NodeStatus {
	var nodes []NodeStatus
	for _, n := range containers {
		nodes = append(nodes, NodeStatus{Name: n.Name})
	}
	return nodes
}
