package main

import (
	"context"
	"path/filepath"
	"testing"

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
