package main

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecondSignal blocks tkdeploy in a write, which ignores its context: only the
// second signal ends it.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	// The script is longer than what the pipe holds.
	if _, err := unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tkdeploy", "completion", "fish")
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if _, err := io.ReadFull(reader, make([]byte, 1)); err != nil { // returns once tkdeploy writes
		t.Fatal(err)
	}
	begin := time.Now()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	// two pending signals may arrive in either order
	if code := cmd.ProcessState.ExitCode(); code != 130 && code != 143 || time.Since(begin) > time.Second {
		t.Errorf("got exit code %d after %s, want 130 or 143 within a second", code, time.Since(begin))
	}
}
