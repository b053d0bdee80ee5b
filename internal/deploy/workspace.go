package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Workspace is a configuration and one of its environments. It is read-only.
type Workspace struct {
	Config   *config.Config
	EnvName  string
	Env      config.Environment
	Cluster  *cluster.Cluster
	Command  Command
	Engine   engine.Options
	StateDir string // directory of tkdeploy's own files
	LockDir  string // directory of locks that all users of this machine share

	NoCache bool // build all images again, without the build cache
	Pull    bool // pull the base images again
}

// Command is the command line without arguments that may be secret. Locks,
// revisions and reports record it.
type Command struct {
	Name string // "up"
	Args []string
}

// Line returns the command without the program name: "up --env dev".
func (c Command) Line() string { return strings.Join(append([]string{c.Name}, c.Args...), " ") }

// String returns the command line: "tkdeploy up --env dev".
func (c Command) String() string { return "tkdeploy " + c.Line() }

// LoadConfig loads the configuration at path. If path is empty, it searches the
// current directory and its parents.
func LoadConfig(path string) (*config.Config, error) {
	if path == "" {
		dir, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("find the current directory: %w", err)
		}
		if path, err = config.Find(dir); err != nil {
			return nil, err
		}
	}
	return config.Load(path)
}

// NewWorkspace returns the workspace of an environment in the engine at.
func NewWorkspace(cfg *config.Config, envName string, command Command, at engine.Options) (*Workspace, error) {
	env, err := cfg.Env(envName)
	if err != nil {
		return nil, err
	}
	state, err := stateDir()
	if err != nil {
		return nil, err
	}
	spec := clusterSpec(cfg, envName, env, state)
	if location, err := engine.Locate(at); err == nil { // otherwise a connection fails
		spec.Engine, spec.Machine = location.Environ, remote.Machine(location.Host)
		if location.Host != "" { // its clusters are not those of this machine
			spec.StateDir = filepath.Join(state, "engines", location.Name, "clusters", spec.Name)
		}
	}
	return &Workspace{
		Config: cfg, EnvName: envName, Env: env,
		Cluster:  cluster.New(spec, cluster.Limits{}),
		Engine:   at,
		Command:  command,
		StateDir: state,
		LockDir:  lockDir,
	}, nil
}

func clusterSpec(cfg *config.Config, envName string, env config.Environment, state string) cluster.Spec {
	kind := env.Cluster.Kind
	spec := cluster.Spec{
		Name: kind.Name, Image: kind.Image.Ref, Workers: kind.Workers,
		Project: cfg.Name, Env: envName, Namespace: cfg.Chart.Namespace,
		StateDir: filepath.Join(state, "clusters", kind.Name),
	}
	for _, p := range kind.Ports {
		spec.Ports = append(spec.Ports, cluster.Port{Host: p.Host, Node: p.Node})
	}
	return spec
}

// lockDir is not TMPDIR, which differs between users.
const lockDir = "/tmp"

// stateDir follows the XDG base directory specification.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tkdeploy"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("find a directory for the kubeconfig: %w", err), "set HOME or XDG_STATE_HOME")
	}
	return filepath.Join(home, ".local", "state", "tkdeploy"), nil
}

func (w *Workspace) kubectl() string { return "kubectl --kubeconfig " + w.Cluster.Kubeconfig() }
