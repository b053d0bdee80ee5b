//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (p *project) run(t *testing.T, args ...string) result {
	t.Helper()
	return p.runContext(t.Context(), t, args...)
}

// runContext is for cleanups, where t's context is canceled.
func (p *project) runContext(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	args = append(args, "--env", p.env)
	line := slices.Concat(p.wrapper, []string{binary(t)}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "XDG_STATE_HOME="+p.state), p.extraEnv...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
	t.Logf("tkdeploy %s: exit %d after %s", strings.Join(args, " "), r.code, r.elapsed.Round(time.Millisecond))
	return r
}

// interrupt sends SIGINT when the stage starts. The run must end in time. The result's
// elapsed starts at the signal.
func (p *project) interrupt(t *testing.T, stage string, args ...string) result {
	t.Helper()
	limit := 10 * time.Second
	if stage == "release" { // Helm finishes its operation
		limit = 30 * time.Second
	}
	var sent time.Time
	r := p.runWithStageHook(t, stage, func(tkdeploy *os.Process) {
		sent = time.Now()
		if err := tkdeploy.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}, args...)
	r.elapsed = time.Since(sent)
	t.Logf("SIGINT in stage %s: exit %d after %s", stage, r.code, r.elapsed.Round(time.Millisecond))
	r.wantWithin(t, limit)
	return r
}

func (p *project) runWithStageHook(t *testing.T, stage string, hook func(tkdeploy *os.Process), args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), append(args, "--output", "json", "--env", p.env)...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "XDG_STATE_HOME="+p.state), p.extraEnv...)
	var stdout strings.Builder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := false
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		stdout.WriteString(lines.Text() + "\n")
		var e eventLine
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Kind == "stage.started" && e.Stage == stage && !started {
			started = true
			hook(cmd.Process)
		}
	}
	_ = cmd.Wait() // the caller checks the exit code
	if !started {
		t.Fatalf("stage %s did not start:\n%s\n%s", stage, stdout.String(), stderr.String())
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}
