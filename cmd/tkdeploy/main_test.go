package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tkdeploy.dev/tkdeploy/internal/lock"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tkdeploy": main})
}

// TestScripts runs the scripts in testdata without an engine.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"hold": hold},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("DOCKER_HOST", "unix://"+e.WorkDir+"/no-engine.sock")
			return nil
		},
	})
}

// hold FILE COMMAND holds a lock file until the script ends.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hold FILE COMMAND")
	}
	f, err := lock.Acquire(context.Background(), ts.MkAbs(args[0]), "", lock.Self(args[1]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(f.Release(false)) })
}

// TestSecondSignal blocks tkdeploy in a read that ignores its context: only the
// second signal ends it.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "tkdeploy.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tkdeploy", "up", "--config", fifo)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0) // returns once tkdeploy reads
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
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
