//go:build e2e

package images

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// goImage can run shell commands. Its recipe is in offline/.
const goImage = "docker.io/library/golang:1.26-bookworm"

func runBuild(t *testing.T, b *Builder, name, line string) inputs.Build {
	t.Helper()
	if found, err := b.engine.Inspect(t.Context(), goImage); err != nil || found == nil {
		t.Skip("no image "+goImage, err)
	}
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nRUN echo " + name + time.Now().String() + "\n" + line + "\n"})
	return inputs.Build{Name: name, Repository: "tkdeploy-test/" + name, Context: dir, Bases: map[string]string{"GO_IMAGE": goImage}}
}

func TestBuilder_EnsureRunE2E(t *testing.T) {
	t.Run("reports the output of failed steps", func(t *testing.T) {
		b := realBuilder(t)
		one := runBuild(t, b, "one", "RUN for i in $(seq 50); do echo line $i; done; echo the reason; exit 3")
		two := runBuild(t, b, "two", "RUN echo another reason; false")
		_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{one, two}}, nil)
		if fault.ClassOf(err) != fault.Build {
			t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Build)
		}
		for _, part := range []string{"build one: [3/3] RUN for i in", "exit code: 3", "\n    line 50\n    the reason", "build two: ", "\n    another reason"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want it to contain %q", err, part)
			}
		}
		if strings.Contains(err.Error(), "line 20\n") {
			t.Error("got more than the last lines")
		}
		t.Log(err)
	})

	t.Run("masks secrets", func(t *testing.T) {
		const value = "correct-horse-battery"
		t.Setenv("TKDEPLOY_TEST_TOKEN", value)
		b := realBuilder(t)
		build := runBuild(t, b, "secret", "RUN --mount=type=secret,id=token --mount=type=secret,id=file"+
			" test \"$(cat /run/secrets/token)\" = "+"correct-horse-battery"+" && test \"$(cat /run/secrets/file)\" = from-a-file")
		file := t.TempDir() + "/secret"
		enginetest.NoError(t, os.WriteFile(file, []byte("from-a-file"), 0o600))
		build.Secrets = map[string]inputs.Secret{"token": {Env: "TKDEPLOY_TEST_TOKEN"}, "file": {File: file}}
		removeAfter(t, b, Set{Builds: []inputs.Build{build}})
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, &log)
		enginetest.NoError(t, err)
		if out := log.Messages(event.ItemProgress); strings.Contains(out, value) {
			t.Errorf("got the secret in the progress: %s", out)
		}

		leak := runBuild(t, b, "leak", "RUN --mount=type=secret,id=token cat /run/secrets/token && false")
		leak.Secrets = map[string]inputs.Secret{"token": {Env: "TKDEPLOY_TEST_TOKEN"}}
		_, err = b.Ensure(t.Context(), Set{Builds: []inputs.Build{leak}}, nil)
		if err == nil || strings.Contains(err.Error(), value) || !strings.Contains(err.Error(), "***") {
			t.Errorf("got %v, want a masked secret", err)
		}

		leak.Secrets = map[string]inputs.Secret{"token": {Env: "TKDEPLOY_TEST_UNSET"}}
		if _, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{leak}}, nil); fault.ClassOf(err) != fault.Config {
			t.Errorf("unset secret: got %v of class %q, want class %q", err, fault.ClassOf(err), fault.Config)
		}
	})

	t.Run("passes the proxies of Docker's config and keeps their passwords", func(t *testing.T) {
		dir := t.TempDir()
		enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"proxies": {"default": {"httpProxy": "http://me:correct-horse@proxy.invalid:1"}}}`})
		plain := realBuilder(t)
		e, err := engine.Connect(t.Context(), engine.Options{ConfigDir: dir})
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		b := NewBuilder(e, Options{})
		addBase(t, b)
		build := scratchBuild(t, "proxied")
		step := "RUN test \"$HTTP_PROXY$http_proxy\" = http://me:correct-horse@proxy.invalid:1http://me:correct-horse@proxy.invalid:1"
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM " + comparisonBase + " AS one\nRUN echo " + time.Now().String() + "\n" + step + "\n"})
		i := built(t, b, build)
		if id, err := inputs.NewLookupCache(plain.engine).Identify(t.Context(), build); err != nil || id.Ref != i.Ref {
			t.Errorf("got tag %s, %v without proxies, want %s", id.Ref, err, i.Ref)
		}
		found, err := b.engine.Inspect(t.Context(), i.Ref)
		enginetest.NoError(t, err)
		if env := strings.Join(found.Config.Env, " "); strings.Contains(env, "proxy") {
			t.Errorf("got environment %s in the image", env)
		}
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM " + comparisonBase + " AS one\nRUN echo " + time.Now().String() + "; env; false\n"})
		var log enginetest.EventLog
		_, err = b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, &log)
		if err == nil || !strings.Contains(err.Error(), "HTTP_PROXY=http://***proxy.invalid:1") || strings.Contains(err.Error()+log.Messages(event.ItemProgress), "correct-horse") {
			t.Errorf("got %v, want a masked password", err)
		}
	})

	t.Run("stops a canceled step", func(t *testing.T) {
		b := realBuilder(t)
		build := runBuild(t, b, "canceled", "RUN sleep 600")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var stopped time.Time
		_, err := b.Ensure(ctx, Set{Builds: []inputs.Build{build}}, event.ReporterFunc(func(ev event.Event) {
			if strings.Contains(ev.Message, "sleep 600") {
				stopped = time.Now()
				cancel()
			}
		}))
		if took := time.Since(stopped); !errors.Is(err, context.Canceled) || took > 10*time.Second {
			t.Errorf("got %v after %s, want %v within 10s", err, took, context.Canceled)
		}
		if status, err := b.Observe(t.Context(), Set{Builds: []inputs.Build{build}}); err != nil || len(status.Missing()) != 1 {
			t.Errorf("after a canceled build: got %+v, %v, want one missing image", status, err)
		}
	})

	t.Run("ignores a file saved after its build", func(t *testing.T) {
		b := realBuilder(t)
		quick, slow := scratchBuild(t, "quick"), runBuild(t, b, "slow", "RUN sleep 2")
		set := Set{Builds: []inputs.Build{quick, slow}}
		removeAfter(t, b, set)
		status, err := b.Observe(t.Context(), set)
		enginetest.NoError(t, err)
		built, err := b.Ensure(t.Context(), set, event.ReporterFunc(func(ev event.Event) {
			if ev.Kind == event.ItemFinished && ev.Item == "quick" {
				enginetest.WriteFiles(t, quick.Context, map[string]string{"one": "saved during the build"})
			}
		}))
		enginetest.NoError(t, err)
		for i, want := range status.Images {
			if built[i].Ref != want.Ref || built[i].ID == "" {
				t.Errorf("got %+v, want %s", built[i], want.Ref)
			}
		}
		if status, err = b.Observe(t.Context(), set); err != nil || len(status.Missing()) != 1 {
			t.Errorf("next run: got %+v, %v, want one missing image", status, err)
		}
	})

	t.Run("reports an unreachable base image", func(t *testing.T) {
		b := realBuilder(t)
		build := scratchBuild(t, "nowhere")
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM registry.invalid/nowhere:1 AS one\n"})
		start := time.Now()
		_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, nil)
		if err == nil || !strings.Contains(err.Error(), "get image registry.invalid/nowhere:1: not present, and registry.invalid cannot be reached") {
			t.Errorf("got %v, want an unreachable registry", err)
		}
		t.Log(time.Since(start), err)
	})
}
