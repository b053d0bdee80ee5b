package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// A workspace is what all commands start from: the configuration, one of its
// environments, and the adapters to the engine, the cluster and the release,
// each opened when first needed.
type workspace struct {
	config  *config.Config
	envName string
	env     config.Environment
	connect func(context.Context) (*engine.Engine, error) // once
	lazy    onceBuilder
	cluster *cluster.Cluster
	json    bool // the result is wanted as JSON
	reports reports
	command string // that runs, without what may be secret: "tkdeploy up --env dev"

	diagnostics string // the folder for bundles of failed runs, or none
}

// open reads the flags that all commands share and the configuration that they
// name. It touches nothing but the places for reports.
func open(c *cli.Context) (*workspace, error) {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return nil, err
	}
	reports, err := readReports(c)
	if err != nil {
		return nil, err
	}
	path := c.String("config")
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
	name := c.String("env")
	env, err := cfg.Env(name)
	if err != nil {
		return nil, err
	}
	diagnostics, err := diagnosticsDir(c, cfg, env)
	if err != nil {
		return nil, err
	}
	spec, err := clusterSpec(cfg, name, env)
	if err != nil {
		return nil, err
	}
	return &workspace{
		config: cfg, envName: name, env: env,
		connect: connectOnce(),
		cluster: cluster.New(spec, cluster.Limits{}),
		json:    asJSON,
		reports: reports,
		command: "tkdeploy " + c.Command.Name + " --env " + name,

		diagnostics: diagnostics,
	}, nil
}

// connectOnce resolves the engine's endpoint once and gives the same one to
// everything: the SDK, and through the environment kind's docker commands.
func connectOnce() func(context.Context) (*engine.Engine, error) {
	var mu sync.Mutex
	var connected *engine.Engine
	return func(ctx context.Context) (*engine.Engine, error) {
		mu.Lock()
		defer mu.Unlock()
		if connected != nil {
			return connected, nil
		}
		found, err := engine.Connect(ctx, engine.Options{})
		if err != nil {
			return nil, err
		}
		for _, variable := range found.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			if err := os.Setenv(name, value); err != nil {
				return nil, fmt.Errorf("pass the engine's address on: %w", err)
			}
		}
		connected = found
		return connected, nil
	}
}

// onceBuilder holds the workspace's only builder, which caches what it has read.
type onceBuilder struct {
	once    sync.Once
	builder *images.Builder
}

// builder connects to the engine and returns the workspace's builder.
func (w *workspace) builder(ctx context.Context) (*images.Builder, error) {
	e, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	w.lazy.once.Do(func() { w.lazy.builder = images.NewBuilder(e, images.Options{}) })
	return w.lazy.builder, nil
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

// observe looks at the environment's cluster, by way of the engine.
func (w *workspace) observe(ctx context.Context) (cluster.Status, error) {
	if _, err := w.connect(ctx); err != nil {
		return cluster.Status{}, err
	}
	return w.cluster.Observe(ctx)
}

// kube speaks to the environment's cluster.
func (w *workspace) kube() (kubernetes.Interface, error) { return w.cluster.Client() }

// release opens the environment's release. Its revisions say who wrote them,
// as far as that can be told.
func (w *workspace) release() (*release.Client, error) {
	rest, err := w.cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	target := release.Target{Config: rest, Namespace: w.config.Chart.Namespace, Name: w.config.Chart.Release}
	self := lock.Self(w.command)
	return release.Open(target, release.Options{User: self.User, Host: self.Host})
}

// kubectl is how a command that shows more begins.
func (w *workspace) kubectl() string { return "kubectl --kubeconfig " + w.cluster.Kubeconfig() }
