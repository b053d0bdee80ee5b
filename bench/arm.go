package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

// A verb is what an arm can be told, each in its own words.
type verb string

const (
	upVerb       verb = "up"
	untestedVerb verb = "up without the test"
	buildVerb    verb = "build"
	clusterVerb  verb = "cluster" // build and cluster; tkdeploy only
	loadVerb     verb = "load"
	downVerb     verb = "down"
)

var tkdeployArgs = map[verb][]string{
	upVerb:       {"up"},
	untestedVerb: {"up", "--no-verify"},
	buildVerb:    {"up", "--only", "build"},
	clusterVerb:  {"up", "--to", "cluster"},
	loadVerb:     {"up", "--only", "load"},
	downVerb:     {"down", "--volumes"},
}

var handArgs = map[verb][]string{
	upVerb:       {"up"},
	untestedVerb: {"up", "--no-test"},
	buildVerb:    {"build"},
	loadVerb:     {"load"},
	downVerb:     {"down"},
}

func byHand(arm string) bool { return arm == report.Hand || arm == report.Naive }

// A used is what a command took, with what it told of itself.
type used struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakBytes  int64   `json:"peak_bytes"`

	steps     map[string]float64
	mutations int
}

// launch has an arm do something in its project. Counted, its engine calls go
// through the proxy.
func (b *bench) launch(ctx context.Context, arm string, p *fixture.Project, v verb, counted bool) (used, error) {
	command := append([]string{filepath.Join(b.repo, "bin", "tkdeploy")}, append(tkdeployArgs[v], "--env", p.Env, "--output", "json")...)
	if byHand(arm) {
		command = append([]string{filepath.Join(b.repo, "bench", "hand.sh")}, handArgs[v]...)
	}
	b.serial++
	logs := filepath.Join(b.work, "logs", fmt.Sprintf("%04d-%s-%s", b.serial, arm, strings.ReplaceAll(string(v), " ", "-")))
	u, err := b.command(ctx, logs, p.Dir, b.environment(arm, p, counted), command)
	if err != nil {
		return u, fmt.Errorf("%s, %s: %w", arm, v, err)
	}
	if byHand(arm) {
		u.steps, err = readSteps(logs + ".stderr")
	} else {
		u.steps, u.mutations, err = readEvents(logs + ".stdout")
	}
	return u, err
}

// environment gives all arms the same docker command, and none anybody's kubeconfig.
func (b *bench) environment(arm string, p *fixture.Project, counted bool) []string {
	socket := b.socket
	if counted {
		socket = b.proxy.Socket
	}
	environment := append(os.Environ(),
		"PATH="+filepath.Join(b.work, "path")+":"+os.Getenv("PATH"),
		"DOCKER_HOST=unix://"+socket,
		"DOCKER_CONTEXT=",
		"XDG_STATE_HOME="+p.Dir+".state",
		"KUBECONFIG="+filepath.Join(p.Dir, "kubeconfig"),
	)
	if arm == report.Naive {
		environment = append(environment, "ONE_AT_A_TIME=1")
	}
	return environment
}

// limit is longer than any step may take; who takes longer hangs.
const limit = 20 * time.Minute

// command runs a command under launch, with its output in LOGS.stdout and .stderr.
func (b *bench) command(ctx context.Context, logs, dir string, environment, command []string) (used, error) {
	var u used
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(logs), 0o755); err != nil {
		return u, err
	}
	stdout, err := os.Create(logs + ".stdout")
	if err != nil {
		return u, err
	}
	defer stdout.Close()
	stderr, err := os.Create(logs + ".stderr")
	if err != nil {
		return u, err
	}
	defer stderr.Close()
	cmd := exec.CommandContext(ctx, b.tool("launch"), append([]string{logs + ".json"}, command...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environment, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute // tkdeploy undoes what it has begun
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(logs + ".stderr") // the status says enough
		return u, fmt.Errorf("%w:\n%s", err, tail(said, 20))
	}
	text, err := os.ReadFile(logs + ".json")
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(text, &u)
}

func tail(text []byte, lines int) string {
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// readSteps reads lines "step NAME SECONDS" of hand.sh.
func readSteps(path string) (map[string]float64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	steps := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "step" {
			continue
		}
		if steps[fields[1]], err = strconv.ParseFloat(fields[2], 64); err != nil {
			return nil, fmt.Errorf("read %q: %w", line, err)
		}
	}
	return steps, nil
}

// readEvents reads tkdeploy's events: the seconds of each stage, and the mutations.
func readEvents(path string) (map[string]float64, int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	steps, mutations := map[string]float64{}, 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Kind, Stage string
			Elapsed     float64 `json:"elapsed_ms"`
			Mutations   int
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, 0, fmt.Errorf("read an event: %w", err)
		}
		switch e.Kind {
		case "stage.finished":
			steps[e.Stage] = e.Elapsed / 1000
		case "run.finished":
			mutations = e.Mutations
		}
	}
	return steps, mutations, lines.Err()
}
