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

type action string

const (
	actionUp         action = "up"
	actionUpUntested action = "up without tests"
	actionBuild      action = "build"
	actionCluster    action = "cluster" // build and create the cluster; tkdeploy only
	actionLoad       action = "load"
	actionDown       action = "down"
)

var tkdeployArgs = map[action][]string{
	actionUp:         {"up"},
	actionUpUntested: {"up", "--no-verify"},
	actionBuild:      {"up", "--only", "build"},
	actionCluster:    {"up", "--to", "cluster"},
	actionLoad:       {"up", "--only", "load"},
	actionDown:       {"down", "--volumes"},
}

var handArgs = map[action][]string{
	actionUp:         {"up"},
	actionUpUntested: {"up", "--no-test"},
	actionBuild:      {"build"},
	actionLoad:       {"load"},
	actionDown:       {"down"},
}

func usesScript(arm string) bool { return arm == report.Hand || arm == report.Naive }

// usage is the resource usage of a command, with the steps and changes it reports.
type usage struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakBytes  int64   `json:"peak_bytes"`

	steps   map[string]float64
	changes int
}

func (b *bench) launch(ctx context.Context, arm string, p *fixture.Project, a action, counted bool) (usage, error) {
	command := append([]string{filepath.Join(b.repo, "bin", "tkdeploy")}, append(tkdeployArgs[a], "--env", p.Env, "--output", "json")...)
	if usesScript(arm) {
		command = append([]string{filepath.Join(b.repo, "bench", "hand.sh")}, handArgs[a]...)
	}
	b.sequence++
	logs := filepath.Join(b.work, "logs", fmt.Sprintf("%04d-%s-%s", b.sequence, arm, strings.ReplaceAll(string(a), " ", "-")))
	u, err := b.runCommand(ctx, logs, p.Dir, b.environment(arm, p, counted), command)
	if err != nil {
		return u, fmt.Errorf("%s, %s: %w", arm, a, err)
	}
	if usesScript(arm) {
		u.steps, err = readSteps(logs + ".stderr")
	} else {
		u.steps, u.changes, err = readEvents(logs + ".stdout")
	}
	return u, err
}

// environment sets the same docker command for all arms, and hides the developer's kubeconfig.
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
		environment = append(environment, "SEQUENTIAL=1")
	}
	return environment
}

// commandTimeout is longer than any step takes.
const commandTimeout = 20 * time.Minute

// runCommand writes the output to logs.stdout and logs.stderr.
func (b *bench) runCommand(ctx context.Context, logs, dir string, environment, command []string) (usage, error) {
	var u usage
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
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
	cmd.WaitDelay = time.Minute // tkdeploy cleans up after a signal
	if err := cmd.Run(); err != nil {
		output, _ := os.ReadFile(logs + ".stderr") // err suffices
		return u, fmt.Errorf("%w:\n%s", err, tail(output, 20))
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

// readSteps parses the lines "step NAME SECONDS" of hand.sh.
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

func readEvents(path string) (map[string]float64, int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	steps, changes := map[string]float64{}, 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Kind, Stage string
			Elapsed     float64 `json:"elapsed_ms"`
			Changes     int
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, 0, fmt.Errorf("read event: %w", err)
		}
		switch e.Kind {
		case "stage.finished":
			steps[e.Stage] = e.Elapsed / 1000
		case "run.finished":
			changes = e.Changes
		}
	}
	return steps, changes, lines.Err()
}
