//go:build e2e

package images

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// goImage is a base image in which RUN works; its recipe is in offline/.
const goImage = "docker.io/library/golang:1.26-bookworm"

// runBuild is a build on the base image with one more line.
func runBuild(t *testing.T, b *Builder, name, line string) inputs.Build {
	t.Helper()
	if found, err := b.engine.Inspect(t.Context(), goImage); err != nil || found == nil {
		t.Skip("no image "+goImage, err)
	}
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nRUN echo " + name + time.Now().String() + "\n" + line + "\n"})
	return inputs.Build{Name: name, Repository: "tkdeploy-test/" + name, Context: dir, Bases: map[string]string{"GO_IMAGE": goImage}}
}

func TestTwoFailingRunsE2E(t *testing.T) {
	b := realBuilder(t)
	one := runBuild(t, b, "one", "RUN for i in $(seq 50); do echo line $i; done; echo the reason; exit 3")
	two := runBuild(t, b, "two", "RUN echo another reason; false")
	_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{one, two}}, nil)
	if fault.ClassOf(err) != fault.Build {
		t.Errorf("class %q", fault.ClassOf(err))
	}
	for _, part := range []string{"build one: [3/3] RUN for i in", "exit code: 3", "\n    line 50\n    the reason", "build two: ", "\n    another reason"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "line 20\n") {
		t.Error("more than the last lines")
	}
	t.Log(err)
}

func TestSecretsE2E(t *testing.T) {
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
		t.Errorf("the secret is in the progress: %s", out)
	}

	leak := runBuild(t, b, "leak", "RUN --mount=type=secret,id=token cat /run/secrets/token && false")
	leak.Secrets = map[string]inputs.Secret{"token": {Env: "TKDEPLOY_TEST_TOKEN"}}
	_, err = b.Ensure(t.Context(), Set{Builds: []inputs.Build{leak}}, nil)
	if err == nil || strings.Contains(err.Error(), value) || !strings.Contains(err.Error(), "***") {
		t.Errorf("the secret is in the error: %v", err)
	}

	leak.Secrets = map[string]inputs.Secret{"token": {Env: "TKDEPLOY_TEST_UNSET"}}
	if _, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{leak}}, nil); fault.ClassOf(err) != fault.Config {
		t.Errorf("an unset secret: %v", err)
	}
}

func TestCancelledRunE2E(t *testing.T) {
	b := realBuilder(t)
	build := runBuild(t, b, "cancelled", "RUN sleep 600")
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
		t.Errorf("%v, %s after the cancel", err, took)
	}
	if status, err := b.Observe(t.Context(), Set{Builds: []inputs.Build{build}}); err != nil || len(status.Missing()) != 1 {
		t.Errorf("%+v, %v", status, err)
	}
}

// TestSavedAfterItsBuildE2E saves a file of an image that is built while another
// one is not yet: it is of the next time.
func TestSavedAfterItsBuildE2E(t *testing.T) {
	b := realBuilder(t)
	quick, slow := scratchBuild(t, "quick"), runBuild(t, b, "slow", "RUN sleep 2")
	set := Set{Builds: []inputs.Build{quick, slow}}
	removeAfter(t, b, set)
	status, err := b.Observe(t.Context(), set)
	enginetest.NoError(t, err)
	made, err := b.Ensure(t.Context(), set, event.ReporterFunc(func(ev event.Event) {
		if ev.Kind == event.ItemFinished && ev.Item == "quick" {
			enginetest.WriteFiles(t, quick.Context, map[string]string{"one": "saved meanwhile"})
		}
	}))
	enginetest.NoError(t, err)
	for i, p := range status.Images {
		if made[i].Ref != p.Ref || made[i].ID == "" {
			t.Errorf("made %+v, want %s", made[i], p.Ref)
		}
	}
	if status, err = b.Observe(t.Context(), set); err != nil || len(status.Missing()) != 1 {
		t.Errorf("the next time: %+v, %v", status, err)
	}
}

// TestUnreachableBaseE2E names an image that is nowhere in a Dockerfile.
func TestUnreachableBaseE2E(t *testing.T) {
	b := realBuilder(t)
	build := scratchBuild(t, "nowhere")
	enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM registry.invalid/nowhere:1 AS one\n"})
	start := time.Now()
	_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, nil)
	if err == nil || !strings.Contains(err.Error(), "get image registry.invalid/nowhere:1: it is not here, registry.invalid cannot be reached") {
		t.Errorf("%v", err)
	}
	t.Log(time.Since(start), err)
}
