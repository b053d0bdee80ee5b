//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interrupt runs tkdeploy and sends SIGINT when the stage has started.
func (p *project) interrupt(t *testing.T, stage string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), append(args, "--env", p.env)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+p.state)
	var stdout strings.Builder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var sent time.Time
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		stdout.WriteString(lines.Text() + "\n")
		var e eventLine
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Kind == "stage.started" && e.Stage == stage {
			sent = time.Now()
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // the exit status is judged by the caller
	if sent.IsZero() {
		t.Fatalf("stage %s never started:\n%s", stage, stdout.String())
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(sent)}
	if r.elapsed > 10*time.Second {
		t.Errorf("ended %s after SIGINT in stage %s", r.elapsed, stage)
	}
	return r
}

// listen takes a port.
func listen(t *testing.T, address string) (stop func()) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}
