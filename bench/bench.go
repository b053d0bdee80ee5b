package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
	"tkdeploy.dev/tkdeploy/bench/internal/inspect"
	"tkdeploy.dev/tkdeploy/bench/internal/report"
	"tkdeploy.dev/tkdeploy/bench/internal/stats"
)

type bench struct {
	options options
	log     io.Writer
	repo    string
	work    string

	docker   string
	socket   string
	engine   *engine.Client
	proxy    *engine.Proxy
	temp     string // for the socket, whose path must be short
	cgroupV1 bool

	node      string
	crictl    string           // to mount into nodes; "" if the node image has it
	preloaded map[string]int64 // blobs of a new node by digest

	results    *report.Results
	violations []string
	sequence   int // makes log names and changes unique
}

func newBench(ctx context.Context, o options, log io.Writer) (*bench, error) {
	repo, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, log: log, repo: repo, work: filepath.Join(repo, "bin", "bench")}
	if err := os.RemoveAll(b.work); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(b.work, "path"), 0o755); err != nil {
		return nil, err
	}
	if b.docker, err = findDocker(ctx, os.Getenv("PATH")); err != nil {
		return nil, err
	}
	for name, target := range map[string]string{"docker": b.docker, "kind": b.tool("kind"), "helm": b.tool("helm")} {
		if err := os.Symlink(target, filepath.Join(b.work, "path", name)); err != nil {
			return nil, err
		}
	}
	if b.socket, err = engineSocket(); err != nil {
		return nil, err
	}
	b.engine = engine.NewClient(b.socket)
	machine, err := b.machine(ctx)
	if err != nil {
		return nil, err
	}
	b.results = &report.Results{Machine: machine, Seed: o.seed}
	b.logf("seed %d, docker command %s", o.seed, b.docker)
	if b.temp, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	b.proxy, err = engine.Listen(ctx, filepath.Join(b.temp, "docker.sock"), b.socket)
	return b, err
}

func (b *bench) close() {
	_ = b.proxy.Close() // no requests are left
	_ = os.RemoveAll(b.temp)
}

func (b *bench) logf(format string, args ...any) { fmt.Fprintf(b.log, "bench: "+format+"\n", args...) }

func (b *bench) tool(name string) string { return filepath.Join(b.repo, "bin", "tools", name) }

func (b *bench) measureApp(ctx context.Context, a app) error {
	if b.options.arms != "" {
		a.arms = strings.Split(b.options.arms, ",")
	}
	projects, err := b.prepare(ctx, a)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", a.name, err)
	}
	blocks := a.blocks
	if b.options.blocks >= 0 {
		blocks = b.options.blocks
	}
	for block := range blocks + 1 {
		for _, arm := range stats.Shuffle(a.arms, b.options.seed, block) {
			if arm == report.Naive && block >= naiveBlocks {
				continue
			}
			b.logf("%s, block %d of %d: %s", a.name, block, blocks, arm)
			err := b.runTrial(ctx, a, arm, block, projects[arm])
			if err := errors.Join(err, b.results.Save(filepath.Join(b.work, "results.json"))); err != nil {
				return err
			}
		}
	}
	for _, p := range projects {
		if err := b.removeTags(ctx, p); err != nil {
			return err
		}
		if err := os.RemoveAll(p.Dir); err != nil {
			return err
		}
	}
	return nil
}

// prepare creates the projects and fills the build cache. tkdeploy comes first, because it
// pulls or builds the node and base images.
func (b *bench) prepare(ctx context.Context, a app) (map[string]*fixture.Project, error) {
	if err := b.ensureBase(ctx, a.spec); err != nil {
		return nil, err
	}
	projects := map[string]*fixture.Project{}
	for _, arm := range append([]string{report.Tkdeploy}, slices.DeleteFunc(slices.Clone(a.arms), func(arm string) bool { return arm == report.Tkdeploy })...) {
		p, err := fixture.Create(a.spec, arm, b.repo, filepath.Join(b.work, a.name, arm))
		if err != nil {
			return nil, err
		}
		projects[arm] = p
		b.logf("%s: preparing %s", a.name, arm)
		if err := b.prepareArm(ctx, arm, p); err != nil {
			return nil, err
		}
	}
	return projects, nil
}

func (b *bench) prepareArm(ctx context.Context, arm string, p *fixture.Project) error {
	if usesScript(arm) {
		if err := p.WriteScriptConfig(b.crictl, b.cgroupV1); err != nil {
			return err
		}
	}
	if arm != report.Tkdeploy {
		_, err := b.launch(ctx, arm, p, actionBuild, false)
		return err
	}
	if err := b.removeNode(ctx, p); err != nil {
		return err
	}
	for _, a := range []action{actionCluster, actionDown} {
		if _, err := b.launch(ctx, arm, p, a, false); err != nil {
			return err
		}
	}
	return b.inspectNode(ctx, p)
}

func (b *bench) ensureBase(ctx context.Context, spec fixture.Spec) error {
	if spec.Services == 0 {
		return nil
	}
	repository, tag := fixture.Base(spec.BaseMB)
	if _, err := b.engine.Image(ctx, repository+":"+tag); err == nil {
		return nil
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(fixture.WriteBase(writer, spec.BaseMB)) }()
	err := b.engine.Import(ctx, repository, tag, reader)
	reader.CloseWithError(err)
	return err
}

// inspectNode records the node image's blobs, and whether it has crictl.
func (b *bench) inspectNode(ctx context.Context, p *fixture.Project) (err error) {
	if b.node, err = p.NodeImage(); err != nil {
		return err
	}
	inImage := func(command string, args ...string) ([]byte, error) {
		return b.runDocker(ctx, append([]string{"run", "--rm", "--entrypoint", command, b.node}, args...)...)
	}
	blobs, err := inImage(inspect.ListBlobs[0], inspect.ListBlobs[1:]...)
	if err != nil {
		return err
	}
	if b.preloaded, err = inspect.ParseBlobs(string(blobs)); err != nil {
		return err
	}
	if _, err := inImage("sh", "-c", "command -v crictl"); err != nil {
		b.crictl = b.tool("crictl")
	}
	return nil
}

// runDocker bypasses the proxy.
func (b *bench) runDocker(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.docker, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+b.socket)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

func (b *bench) removeTags(ctx context.Context, p *fixture.Project) error {
	tags, err := b.engine.Tags(ctx, p.Prefix)
	if err != nil {
		return err
	}
	return b.engine.Remove(ctx, tags)
}

// removeNode removes the node of an interrupted benchmark.
func (b *bench) removeNode(ctx context.Context, p *fixture.Project) error {
	_, err := b.runDocker(ctx, "rm", "--force", "--volumes", nodeOf(p))
	if err != nil && strings.Contains(err.Error(), "No such container") {
		return nil
	}
	return err
}

func nodeOf(p *fixture.Project) string { return p.Cluster + "-control-plane" }

func (b *bench) version(ctx context.Context) error {
	for range 20 {
		u, err := b.runCommand(ctx, filepath.Join(b.work, "version"), b.repo, os.Environ(), []string{filepath.Join(b.repo, "bin", "tkdeploy"), "version"})
		if err != nil {
			return err
		}
		b.results.Version = append(b.results.Version, u.Seconds)
	}
	return nil
}
