package dockercli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// useDocker makes a shell script the docker CLI.
func useDocker(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestCLI_Run(t *testing.T) {
	t.Run("ends a command that hangs", func(t *testing.T) {
		useDocker(t, "exec sleep 60")
		start := time.Now()
		err := CLI{Limit: 50 * time.Millisecond}.Run(t.Context(), nil, io.Discard, "ps")
		if err == nil || err.Error() != "docker ps has not finished after 50ms" || time.Since(start) > 5*time.Second {
			t.Errorf("got error %v after %s", err, time.Since(start))
		}
	})
	t.Run("does not bound a program in a node", func(t *testing.T) {
		useDocker(t, "sleep 0.2")
		if err := (CLI{Limit: 50 * time.Millisecond}).Run(t.Context(), nil, io.Discard, "exec", "node"); err != nil {
			t.Error(err)
		}
	})
	t.Run("selects the engine", func(t *testing.T) {
		useDocker(t, `echo "$DOCKER_HOST $DOCKER_CONTEXT"`)
		t.Setenv("DOCKER_HOST", "tcp://other")
		for _, host := range []string{"tcp://a", "tcp://b"} {
			got, err := Output(t.Context(), CLI{time.Minute, []string{"DOCKER_HOST=" + host, "DOCKER_CONTEXT="}}, "ps")
			if err != nil || got != host {
				t.Errorf("got %q, %v, want %s", got, err, host)
			}
		}
	})
	t.Run("returns the cause of a cancellation", func(t *testing.T) {
		useDocker(t, "exec sleep 60")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := (CLI{Limit: time.Minute}).Run(ctx, nil, io.Discard, "exec", "node"); !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("got error %v, want %v", err, context.Cause(ctx))
		}
	})
	t.Run("ends a command that writes without end", func(t *testing.T) {
		useDocker(t, "exec cat /dev/zero")
		if _, err := Output(t.Context(), CLI{Limit: time.Minute}, "inspect"); !errors.Is(err, errTooMuchOutput) {
			t.Errorf("got error %v, want %v", err, errTooMuchOutput)
		}
	})
	t.Run("keeps only the end of the errors", func(t *testing.T) {
		useDocker(t, "head --bytes 50000000 /dev/zero >&2; echo >&2; echo no such container >&2; exit 1")
		err := CLI{Limit: time.Minute}.Run(t.Context(), nil, io.Discard, "ps")
		if err == nil || !strings.HasSuffix(err.Error(), "no such container") || len(err.Error()) > 2*maxErrors {
			t.Errorf("got an error of %d bytes, want at most %d", len(err.Error()), 2*maxErrors)
		}
	})
}
