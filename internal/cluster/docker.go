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

// docker runs the docker command line. kind itself does everything through it,
// so both always speak to the same engine.
type docker interface {
	// Run executes docker with args. A failure's text has the last lines of
	// what the command said.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error
}

type dockerCLI struct{}

func (dockerCLI) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &said
	cmd.WaitDelay = 2 * time.Second // a child may hold the pipes open after the kill
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the docker command is not installed: kind needs it beside the engine")
	}
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, text.Tail(said.String(), 5))
	}
	return nil
}
