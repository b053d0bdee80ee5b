// Package cluster manages kind clusters.
//
// # Ownership
//
// The mount /etc/tkdeploy/<project>/<environment> in the node containers marks the
// owner, also of stopped clusters and interrupted creates. Its source is in the state
// directory, which distinguishes the users of a machine. The state directory records
// its owner too, because it outlives the cluster. Operations on another owner's
// cluster or data fail with [fault.NotOwned].
//
// # State
//
// [Spec.StateDir] holds the name of the owner, the private kubeconfig (0600), a marker
// file during a create, backups of Secrets, and the volumes. Backups and volumes outlive the
// cluster unless [Cluster.Delete] removes them. Only [Cluster.MergeKubeconfig]
// changes the user's kubeconfig, and [Cluster.Delete] undoes that.
package cluster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/event"
)

// Spec is the desired cluster.
type Spec struct {
	Name    string
	Image   string // node image; must exist in the engine
	Workers int    // in addition to the control plane
	Ports   []Port // published on 127.0.0.1, or on all addresses of another machine

	Project, Env string // the owner
	Namespace    string // of the release
	StateDir     string // its last element is Name

	Engine  []string // environment variables that select the engine
	Machine remote.Machine
}

// Port maps a host port to a node port.
type Port struct {
	Host int32
	Node int32
}

func (p Port) String() string { return fmt.Sprintf("%d:%d", p.Host, p.Node) }

// hash identifies the settings whose change requires a new cluster. The node image
// and the order of the ports are not among them.
func (s Spec) hash() string {
	ports := slices.Clone(s.Ports)
	slices.SortFunc(ports, func(a, b Port) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Node, b.Node)) })
	return s.hashOf(ports)
}

// matches reports whether hash is that of the spec. Earlier versions did not sort the
// ports.
func (s Spec) matches(hash string) bool { return hash == s.hash() || hash == s.hashOf(s.Ports) }

func (s Spec) hashOf(ports []Port) string {
	text, err := json.Marshal(struct {
		Workers int
		Ports   []Port
	}{s.Workers, ports})
	if err != nil { // integers always marshal
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Kubeconfig returns the path of the private kubeconfig.
func (s Spec) Kubeconfig() string { return filepath.Join(s.StateDir, "kubeconfig") }

func (s Spec) volumesDir() string   { return filepath.Join(s.StateDir, "volumes") }
func (s Spec) secretsDir() string   { return filepath.Join(s.StateDir, "secrets") }
func (s Spec) logsDir() string      { return filepath.Join(s.StateDir, "logs") }
func (s Spec) mergedFile() string   { return filepath.Join(s.StateDir, "merged-into") }
func (s Spec) creatingFile() string { return filepath.Join(s.StateDir, "creating") }

// volumesInNode is where kind's local-path provisioner stores volumes.
const volumesInNode = "/var/local-path-provisioner"

// Limits are timeouts; 0 means the default.
type Limits struct {
	Ready time.Duration // for all nodes; default 3 min (a loaded 2-core machine took up to 60 s)
	API   time.Duration // for one API check; default 5 s
}

// Cluster is a kind cluster that may or may not exist.
type Cluster struct {
	Spec
	limits           Limits
	docker           dockercli.Docker
	provider         func(event.Reporter) provider
	client           func(*rest.Config) (kubernetes.Interface, error)
	now              func() time.Time
	inotify          func() Inotify
	failedCreateLogs string
}

// provider is kind.
type provider interface {
	Create(context.Context, kindrun.Create) error
	Kubeconfig(ctx context.Context, cluster string) (string, error)
	CollectLogs(ctx context.Context, cluster, dir string) error
}

// New returns the cluster of spec without accessing it. It uses the docker CLI.
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
		docker: dockercli.CLI{Limit: dockercli.Limit, Environ: spec.Engine},
		provider: func(r event.Reporter) provider {
			return kindrun.Kind{Environ: spec.Engine, Log: logger{r}}
		},
		client: func(c *rest.Config) (kubernetes.Interface, error) { return kubernetes.NewForConfig(c) },
		now:    time.Now,
		inotify: func() Inotify {
			if spec.Machine.IsRemote() {
				return Inotify{} // unknown
			}
			return ReadInotify()
		},
	}
}

func (c *Cluster) isCreating() bool {
	_, err := os.Stat(c.creatingFile())
	return err == nil
}

func (c *Cluster) recreateCommand() string {
	return fmt.Sprintf("tkdeploy down --env %s && tkdeploy up --env %[1]s", c.Env)
}

// providerID is a prefix (sigs.k8s.io/kind pkg/cluster/internal/kubeadm/config.go).
func (s Spec) providerID() string { return "kind://docker/" + s.Name + "/" }

// ownershipMismatch names a node of another cluster, or returns "". A loopback
// address does not prove ownership: it may be a tunnel.
func (s Spec) ownershipMismatch(nodes []corev1.Node) string {
	for _, n := range nodes {
		if !strings.HasPrefix(n.Spec.ProviderID, s.providerID()) {
			return fmt.Sprintf("kubeconfig points to another cluster: node %s has provider ID %q", n.Name, n.Spec.ProviderID)
		}
	}
	return ""
}
