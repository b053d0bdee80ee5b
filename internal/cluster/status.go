package cluster

// Phase is the observed state of a cluster.
type Phase string

// All phases but Absent and NotOwned imply ownership.
const (
	Absent     Phase = "absent"
	Incomplete Phase = "incomplete" // an earlier create or delete was interrupted
	Stopped    Phase = "stopped"    // a node is not running
	Paused     Phase = "paused"     // a node is paused: docker pause
	NotReady   Phase = "not-ready"  // the API server or a node is not ready
	Running    Phase = "running"
	NotOwned   Phase = "not-owned" // the containers or the API server have another owner
	Outdated   Phase = "outdated"  // ports or worker count differ
)

// Status is the phase of a cluster with its reason and nodes.
type Status struct {
	Phase      Phase
	Reason     string
	Nodes      []NodeStatus
	Responding bool // the API server of a complete cluster responds

	NotOwned error // in phase NotOwned: names both owners, with a hint
}

// NodeStatus is the state of a node.
type NodeStatus struct {
	Name    string `json:"name"`
	Ready   bool   `json:"ready"`
	Version string `json:"version,omitempty"` // of the kubelet
}

// markerName is the ConfigMap in kube-system that marks a complete cluster.
const markerName = "tkdeploy"

// The milestones of a create, in order.
const (
	NodesRunning = "nodes" // containerd responds on every node
	APIReady     = "api"   // API server and storage are set up; nodes may not be Ready
)

func containerStatuses(containers []container) []NodeStatus {
	var nodes []NodeStatus
	for _, n := range containers {
		nodes = append(nodes, NodeStatus{Name: n.Name})
	}
	return nodes
}
