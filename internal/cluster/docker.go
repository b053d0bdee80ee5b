package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// docker runs the docker CLI, as kind does, so both use the same engine.
type docker interface {
	// Run runs docker. The error contains the end of its standard error.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error
}

// commandLimit bounds a docker command. A loaded engine removes a node in some 20 s.
const commandLimit = 2 * time.Minute

// dockerCLI bounds all commands but those that run a program in a container.
type dockerCLI struct{ limit time.Duration }

func (d dockerCLI) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	if args[0] != "exec" && args[0] != "run" {
		late := fmt.Errorf("docker %s has not finished after %s", args[0], d.limit)
		limited, cancel := context.WithTimeoutCause(ctx, d.limit, late)
		defer cancel()
		ctx = limited
	}
	var stderr tail
	cmd := exec.CommandContext(ctx, "docker", args...)
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
		return fmt.Errorf("docker %s: %w: %s", args[0], err, text.Tail(string(stderr.text), 5))
	}
	return nil
}
