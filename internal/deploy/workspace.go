package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// Workspace is the configuration with one of its environments, and the adapters
// to the engine, the cluster and the release, each opened when first needed.
type Workspace struct {
	Config  *config.Config
	EnvName string
	Env     config.Environment
	Cluster *cluster.Cluster
	Command string // that runs, without what may be secret: "tkdeploy up --env dev"

	// Connect returns the connection to the engine, the same one on each call.
	Connect func(context.Context) (*images.Engine, error)
}

// Open loads the configuration at path, or finds one if path is empty, and
// selects an environment. It sends no request.
func Open(path, envName, command string) (*Workspace, error) {
	if path == "" {
		dir, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("find the current folder: %w", err)
		}
		if path, err = config.Find(dir); err != nil {
			return nil, err
		}
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	env, err := cfg.Env(envName)
	if err != nil {
		return nil, err
	}
	spec, err := clusterSpec(cfg, envName, env)
	if err != nil {
		return nil, err
	}
	return &Workspace{
		Config: cfg, EnvName: envName, Env: env,
		Cluster: cluster.New(spec, cluster.Limits{}),
		Command: command,
		Connect: connectOnce(),
	}, nil
}

// connectOnce resolves the engine's endpoint once and gives the same one to
// everything: the SDK, and through the environment kind's docker commands.
func connectOnce() func(context.Context) (*images.Engine, error) {
	var mu sync.Mutex
	var engine *images.Engine
	return func(ctx context.Context) (*images.Engine, error) {
		mu.Lock()
		defer mu.Unlock()
		if engine != nil {
			return engine, nil
		}
		found, err := images.Connect(ctx, images.Options{})
		if err != nil {
			return nil, err
		}
		for _, variable := range found.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			if err := os.Setenv(name, value); err != nil {
				return nil, fmt.Errorf("pass the engine's address on: %w", err)
			}
		}
		engine = found
		return engine, nil
	}
}

func clusterSpec(cfg *config.Config, envName string, env config.Environment) (cluster.Spec, error) {
	kind := env.Cluster.Kind
	state, err := stateDir()
	if err != nil {
		return cluster.Spec{}, err
	}
	spec := cluster.Spec{
		Name: kind.Name, Image: kind.Image.Ref, Workers: kind.Workers,
		Project: cfg.Name, Env: envName,
		StateDir: filepath.Join(state, "clusters", kind.Name),
	}
	for _, p := range kind.Ports {
		spec.Ports = append(spec.Ports, cluster.Port{Host: p.Host, Node: p.Node})
	}
	return spec, nil
}

// stateDir follows the XDG base directory specification.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tkdeploy"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("find a place for the kubeconfig: %w", err), "set HOME or XDG_STATE_HOME")
	}
	return filepath.Join(home, ".local", "state", "tkdeploy"), nil
}

// Observe looks at the environment's cluster, by way of the engine.
func (w *Workspace) Observe(ctx context.Context) (cluster.Status, error) {
	if _, err := w.Connect(ctx); err != nil {
		return cluster.Status{}, err
	}
	return w.Cluster.Observe(ctx)
}

// Kube speaks to the environment's cluster.
func (w *Workspace) Kube() (kubernetes.Interface, error) { return w.Cluster.Client() }

// OpenRelease opens the environment's release. Its revisions say who wrote them,
// as far as that can be told.
func (w *Workspace) OpenRelease() (*release.Client, error) {
	rest, err := w.Cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	target := release.Target{Config: rest, Namespace: w.Config.Chart.Namespace, Name: w.Config.Chart.Release}
	self := lock.Self(w.Command)
	return release.Open(target, release.Options{User: self.User, Host: self.Host})
}

// Kubectl is how a command that shows more begins.
func (w *Workspace) Kubectl() string { return "kubectl --kubeconfig " + w.Cluster.Kubeconfig() }
