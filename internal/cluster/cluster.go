// Package cluster creates, finds, starts and deletes kind clusters, and is the
// only importer of kind.
//
// # Whose cluster it is
//
// A node container of ours has a mount at /etc/tkdeploy/<project>/<environment>.
// The mount comes with the container itself, so even a create that was killed
// half-way can be told from somebody else's cluster of the same name, running or
// stopped. What is not ours is refused with [fault.Safety] and left untouched.
//
// # What is kept where
//
// All files are below [Spec.StateDir]: the private kubeconfig (0600), a file
// that is there while the cluster is being created, and the data of the cluster's
// volumes, which outlive the cluster unless [Cluster.Delete] is told otherwise.
// The user's own kubeconfig is neither read nor written.
package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	kind "sigs.k8s.io/kind/pkg/cluster"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A Spec is the cluster as it is wanted.
type Spec struct {
	Name    string // the kind cluster's name
	Image   string // node image; it must be in the engine
	Workers int    // nodes beside the control plane
	Ports   []Port // published on 127.0.0.1

	Project, Env string // the owner: the configuration's name and the environment
	StateDir     string // folder for the kubeconfig, the volumes and the logs of this cluster
}

// A Port publishes a node port of the cluster on the host's loopback address.
type Port struct {
	Host int32
	Node int32
}

func (p Port) String() string { return fmt.Sprintf("%d:%d", p.Host, p.Node) }

// hash identifies what cannot be changed in a running cluster. The image is not
// part of it: a newer node image is no reason to throw away a cluster in use.
func (s Spec) hash() string {
	text, err := json.Marshal(struct {
		Workers int
		Ports   []Port
	}{s.Workers, s.Ports})
	if err != nil { // integers always marshal
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func (s Spec) owner() string      { return s.Project + "/" + s.Env }
func (s Spec) ownerMount() string { return "/etc/tkdeploy/" + s.owner() }

// Kubeconfig is the path of the private kubeconfig.
func (s Spec) Kubeconfig() string { return filepath.Join(s.StateDir, "kubeconfig") }

func (s Spec) volumesDir() string   { return filepath.Join(s.StateDir, "volumes") }
func (s Spec) secretsDir() string   { return filepath.Join(s.StateDir, "secrets") }
func (s Spec) logsDir() string      { return filepath.Join(s.StateDir, "logs") }
func (s Spec) creatingFile() string { return filepath.Join(s.StateDir, "creating") }

// volumesInNode is where kind's local-path provisioner keeps its volumes.
const volumesInNode = "/var/local-path-provisioner"

// Limits are the longest waits. Zero fields take the defaults of [New].
type Limits struct {
	Ready time.Duration // from a started node to a Ready one; default 3 min: a loaded 2-core machine took up to 60 s
	API   time.Duration // for one look at the API server; default 5 s
}

// A Cluster is one kind cluster, which may or may not exist.
type Cluster struct {
	Spec
	limits           Limits
	docker           docker
	provider         func(event.Reporter) provider
	client           func(*rest.Config) (kubernetes.Interface, error)
	now              func() time.Time
	inotify          func() Inotify
	failedCreateLogs string // folder of the nodes' logs, if a create failed
}

// provider is the part of kind that is used. None of it can be canceled.
type provider interface {
	Create(name string, options ...kind.CreateOption) error
	Delete(name, kubeconfig string) error
	KubeConfig(name string, internal bool) (string, error)
	CollectLogs(name, dir string) error
}

// New gives the cluster of spec. It touches nothing. kind and this package run
// the docker CLI, which must reach the engine that built the images: the caller
// sets DOCKER_HOST.
func New(spec Spec, limits Limits) *Cluster {
	if limits.Ready == 0 {
		limits.Ready = 3 * time.Minute
	}
	if limits.API == 0 {
		limits.API = 5 * time.Second
	}
	return &Cluster{
		Spec:   spec,
		limits: limits,
		docker: dockerCLI{},
		provider: func(r event.Reporter) provider {
			return kind.NewProvider(kind.ProviderWithDocker(), kind.ProviderWithLogger(logger{r}))
		},
		client:  func(c *rest.Config) (kubernetes.Interface, error) { return kubernetes.NewForConfig(c) },
		now:     time.Now,
		inotify: ReadInotify,
	}
}

// begun tells whether a create was begun and did not end.
func (c *Cluster) isCreating() bool {
	_, err := os.Stat(c.creatingFile())
	return err == nil
}

func (c *Cluster) notOwnedError(cause string) error {
	return fault.New(fault.NotOwned, fmt.Errorf("cluster %s: %s", c.Name, cause),
		"tkdeploy acts only on clusters that it created for this project and environment; give the environment another cluster name, or delete that cluster yourself: kind delete cluster --name "+c.Name)
}

// providerID is how every node of the kind cluster begins to name itself
// (sigs.k8s.io/kind pkg/cluster/internal/kubeadm/config.go).
func (s Spec) providerID() string { return "kind://docker/" + s.Name + "/" }

// stranger says which of the nodes is not a node of this kind cluster, or "".
// A kubeconfig on a loopback address proves nothing: a tunnel to another cluster
// ends there too.
func (s Spec) ownershipMismatch(nodes []corev1.Node) string {
	for _, n := range nodes {
		if !strings.HasPrefix(n.Spec.ProviderID, s.providerID()) {
			return fmt.Sprintf("its kubeconfig leads to a cluster whose node %s is not of this kind cluster (provider id %q)", n.Name, n.Spec.ProviderID)
		}
	}
	return ""
}
