// Package dockercli runs the docker CLI, as kind does.
package dockercli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Docker runs the docker CLI.
type Docker interface {
	// Run runs docker. The error contains the end of its standard error.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error
}

// Limit is the usual bound of a command. A loaded engine removes a node in some 20 s.
const Limit = 2 * time.Minute

// CLI runs the docker command in PATH.
type CLI struct {
	Limit   time.Duration // of commands that run no program in a container
	Environ []string      // selects the engine
}

var _ Docker = CLI{}

// Run implements [Docker].
func (d CLI) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	if args[0] != "exec" && args[0] != "run" {
		late := fmt.Errorf("docker %s has not finished after %s", args[0], d.Limit)
		limited, cancel := context.WithTimeoutCause(ctx, d.Limit, late)
		defer cancel()
		ctx = limited
	}
	stderr := text.TailWriter{Limit: maxErrors}
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), d.Environ...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	cmd.WaitDelay = 2 * time.Second // child processes may keep the pipes open
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("docker CLI not found in PATH; kind requires it")
	}
	if err != nil {
		message, _ := stderr.Bytes()
		return fmt.Errorf("docker %s: %w: %s", args[0], err, text.Tail(string(message), 5))
	}
	return nil
}

// Output runs docker and returns its trimmed standard output.
func Output(ctx context.Context, d Docker, args ...string) (string, error) {
	var out Buffer
	err := d.Run(ctx, nil, &out, args...)
	if out.err != nil {
		return "", fmt.Errorf("docker %s: %w", args[0], out.err)
	}
	return strings.TrimSpace(string(out.text)), err
}
