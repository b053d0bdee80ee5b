package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// withoutEngine returns an invocation with diagnostics.
func withoutEngine(t *testing.T, connect func(context.Context) (*engine.Engine, error)) *invocation {
	t.Helper()
	var kind config.Kind
	kind.Image.Ref = "kindest/node:v1.37.0"
	w := &deploy.Workspace{
		Config:  &config.Config{Name: "shop", Dir: t.TempDir(), Chart: config.Chart{Release: "shop", Namespace: "shop"}},
		EnvName: "ci",
		Env:     config.Environment{Cluster: config.Cluster{Kind: &kind}},
		Cluster: cluster.New(cluster.Spec{Name: "shop-ci", StateDir: t.TempDir()}, cluster.Limits{}),
		Command: deploy.Command{Name: "up", Args: []string{"--env", "ci"}},
	}
	return &invocation{session: deploy.NewSessionWithEngine(w, connect), options: runOptions{json: true}, bundleDir: filepath.Join(t.TempDir(), "out")}
}

func noAnswer(context.Context) (*engine.Engine, error) { return nil, errors.New("no engine answers") }

func TestInvocation_bundle(t *testing.T) {
	t.Parallel()
	t.Run("collects before the rollback", func(t *testing.T) {
		t.Parallel()
		i := withoutEngine(t, noAnswer)
		var before string
		planRecovery := func(context.Context, error) (*deploy.Recovery, string) {
			before = readBundle(t, i, "index.md")
			return &deploy.Recovery{Plan: ending(t, "rollback", nil), Reason: "rolling back", Done: "rolled back"}, ""
		}
		var out, text bytes.Buffer
		i.streams = Streams{Out: &out, Err: &text}
		failure := fault.New(fault.Unhealthy, errors.New("web crashes"), "see its log")
		err := i.run(t.Context(), ending(t, deploy.StageRollout, failure), planRecovery, nil)
		if got := exitCode(t.Context(), err); got != 14 {
			t.Errorf("got exit code %d for %v, want 14", got, err)
		}
		for _, want := range []string{"# tkdeploy up --env ci failed with exit code 14", "web crashes", "hint: see its log", "still running when this file was written", "the cluster: no engine answers"} {
			if !strings.Contains(before, want) {
				t.Errorf("got an index before the rollback without %q:\n%s", want, before)
			}
		}
		index := readBundle(t, i, "index.md")
		if !strings.Contains(index, "- rollback: succeeded (rolling back)\n") || !strings.Contains(index, "| rollback | done    |") {
			t.Errorf("got an index without the recovery:\n%s", index)
		}
		if got := readBundle(t, i, "events.jsonl"); got != out.String() || !strings.Contains(got, `"diagnostics":"`+i.bundleDir) {
			t.Errorf("got events.jsonl\n%s\nwant the printed events\n%s", got, out.String())
		}
		if got := readBundle(t, i, "plan.json"); !strings.Contains(got, `"id": "rollout"`) {
			t.Errorf("got plan.json without stage rollout:\n%s", got)
		}
		if strings.Count(text.String(), "support bundle: "+i.bundleDir) != 1 {
			t.Errorf("got text without the path of the bundle:\n%s", text.String())
		}
	})

	t.Run("writes nothing if the run succeeds", func(t *testing.T) {
		t.Parallel()
		i := withoutEngine(t, noAnswer)
		var out, text bytes.Buffer
		i.streams = Streams{Out: &out, Err: &text}
		if err := i.run(t.Context(), ending(t, deploy.StageRollout, nil), nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(i.bundleDir); !os.IsNotExist(err) {
			t.Errorf("got %v for the bundle directory, want none", err)
		}
		if strings.Contains(out.String()+text.String(), "diagnostics") {
			t.Errorf("got output that names a bundle:\n%s%s", out.String(), text.String())
		}
	})

	t.Run("warns if it cannot be written", func(t *testing.T) {
		t.Parallel()
		i := withoutEngine(t, noAnswer)
		i.bundleDir = filepath.Join(i.bundleDir, "below")
		if err := os.WriteFile(filepath.Dir(i.bundleDir), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, text bytes.Buffer
		i.streams = Streams{Out: &out, Err: &text}
		err := i.run(t.Context(), ending(t, deploy.StageRollout, fault.New(fault.Unhealthy, errors.New("web crashes"), "")), nil, nil)
		if got := exitCode(t.Context(), err); got != 14 || !strings.Contains(text.String(), "! write support bundle to ") {
			t.Errorf("got exit code %d for %v, want 14 and a warning:\n%s", got, err, text.String())
		}
	})

	t.Run("writes nothing for a locked release", func(t *testing.T) {
		t.Parallel()
		i := withoutEngine(t, noAnswer)
		var out, text bytes.Buffer
		i.streams = Streams{Out: &out, Err: &text}
		err := i.run(t.Context(), ending(t, deploy.StageRelease, fault.New(fault.Locked, errors.New("locked by ada"), "")), nil, nil)
		got := exitCode(t.Context(), err)
		if _, none := os.Stat(i.bundleDir); got != 6 || !os.IsNotExist(none) {
			t.Errorf("got exit code %d for %v and %v for the bundle directory, want 6 and no directory", got, err, none)
		}
	})
}

func readBundle(t *testing.T, i *invocation, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(i.bundleDir, "*-up", name))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %q, %v for %s, want one file", found, err, name)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBundleRecorder_Collect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limits bundleLimits
		stop   func(cancel func()) (onConnect func()) // called at the start of the run
	}{
		"signal during a stage":        {bundleLimits{time.Hour, time.Hour, 50 * time.Millisecond, 50 * time.Millisecond}, func(cancel func()) func() { cancel(); return func() {} }},
		"signal during the collection": {bundleLimits{time.Hour, 50 * time.Millisecond, time.Hour, time.Hour}, func(cancel func()) func() { return cancel }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			onConnect := test.stop(func() { cancel(Interrupted{syscall.SIGINT}) })
			i := withoutEngine(t, func(ctx context.Context) (*engine.Engine, error) {
				onConnect()
				<-ctx.Done()
				return nil, ctx.Err()
			})
			recorder := i.recordBundle(ctx)
			recorder.limits = test.limits
			recorder.Collect(ctx, errors.New("stopped"), &plan.Runner{})
			if got := readBundle(t, i, "index.md"); !strings.Contains(got, "exit code 130") {
				t.Errorf("got an index without exit code 130:\n%s", got)
			}
		})
	}
}
