package cluster

import (
	"bytes"
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

type dockerCLI struct{}

func (dockerCLI) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	cmd.WaitDelay = 2 * time.Second // child processes may keep the pipes open
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("docker CLI not found in PATH; kind requires it")
	}
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, text.Tail(stderr.String(), 5))
	}
	return nil
}
