package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// disableLeaderElection is for a single control plane (docs/adr/0013). kind uses
// v1beta3 up to Kubernetes 1.35 and ignores patches for other versions.
const disableLeaderElection = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
controllerManager: {extraArgs: {leader-elect: "false"}}
scheduler: {extraArgs: {leader-elect: "false"}}
`

// tuneControlPlane does the same for v1beta4. It also lets controllers request
// their 40 or so accounts and tokens at once, and selects ECDSA keys, which are
// fast to generate.
var tuneControlPlane = v1alpha4.PatchJSON6902{
	Group: "kubeadm.k8s.io", Version: "v1beta4", Kind: "ClusterConfiguration",
	Patch: `
- {op: add, path: /encryptionAlgorithm, value: ECDSA-P256}
- {op: add, path: /controllerManager/extraArgs/-, value: {name: leader-elect, value: "false"}}
- {op: add, path: /controllerManager/extraArgs/-, value: {name: kube-api-qps, value: "200"}}
- {op: add, path: /controllerManager/extraArgs/-, value: {name: kube-api-burst, value: "300"}}
- {op: add, path: /scheduler/extraArgs, value: [{name: leader-elect, value: "false"}]}
`,
}

func (c *Cluster) kindConfig(ctx context.Context) (*v1alpha4.Cluster, error) {
	mounts, err := c.nodeMounts(ctx)
	if err != nil {
		return nil, err
	}
	control := v1alpha4.Node{Role: v1alpha4.ControlPlaneRole, Image: c.Image, ExtraMounts: mounts}
	for _, p := range c.Ports {
		control.ExtraPortMappings = append(control.ExtraPortMappings, v1alpha4.PortMapping{
			ListenAddress: c.Machine.ListenAddress(), HostPort: p.Host, ContainerPort: p.Node, Protocol: v1alpha4.PortMappingProtocolTCP,
		})
	}
	config := &v1alpha4.Cluster{
		Name:  c.Name,
		Nodes: []v1alpha4.Node{control},
		// The host's search domains could resolve short names outside the cluster.
		// kind's hack/ci/e2e-k8s.sh drops them too.
		Networking: v1alpha4.Networking{DNSSearch: &[]string{}, APIServerAddress: c.Machine.ListenAddress()},
	}
	if c.Machine.IsRemote() {
		config.Networking.APIServerPort = -1 // the engine selects one; kind would try it here
	}
	for range c.Workers {
		config.Nodes = append(config.Nodes, v1alpha4.Node{Role: v1alpha4.WorkerRole, Image: c.Image, ExtraMounts: mounts})
	}
	cgroup, err := c.dockerOutput(ctx, "info", "--format", "{{.CgroupVersion}}")
	if err != nil {
		return nil, fault.New(fault.Environment, err, "")
	}
	config.KubeadmConfigPatches = []string{disableLeaderElection}
	config.KubeadmConfigPatchesJSON6902 = []v1alpha4.PatchJSON6902{tuneControlPlane}
	if cgroup == "1" { // the kubelet rejects cgroup v1 since Kubernetes 1.35 (KEP-5573)
		config.KubeadmConfigPatches = append(config.KubeadmConfigPatches, "kind: KubeletConfiguration\nfailCgroupV1: false\n")
	}
	v1alpha4.SetDefaultsCluster(config)
	return config, nil
}

func (c *Cluster) nodeMounts(ctx context.Context) ([]v1alpha4.Mount, error) {
	if err := c.claim(); err != nil {
		return nil, err
	}
	owner, volumes := filepath.Join(c.StateDir, ownerName), c.volumesDir()
	if c.Machine.IsRemote() { // the engine creates the directories
		data, err := c.claimRemoteData(ctx)
		if err != nil {
			return nil, err
		}
		owner, volumes = remote.OwnerDir(data), remote.VolumesDir(data)
	} else if err := errors.Join(os.MkdirAll(owner, 0o700), os.MkdirAll(volumes, 0o700)); err != nil {
		return nil, fmt.Errorf("create the state directory of cluster %s: %w", c.Name, err)
	}
	return []v1alpha4.Mount{
		{HostPath: owner, ContainerPath: c.ownerMount(), Readonly: true},
		{HostPath: volumes, ContainerPath: volumesInNode},
	}, nil
}

func (c *Cluster) claimRemoteData(ctx context.Context) (string, error) {
	data, err := remote.ReadData(c.StateDir)
	if err != nil || data != "" {
		return data, err
	}
	root, err := c.dockerOutput(ctx, "info", "--format", "{{.DockerRootDir}}")
	if err != nil {
		return "", fault.New(fault.Environment, err, "")
	}
	data = remote.NewData(root, c.Name)
	return data, writePrivate(remote.DataFile(c.StateDir), []byte(data+"\n"))
}
