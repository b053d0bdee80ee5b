//go:build e2e

package images

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// realBuilder builds with the engine of the machine.
func realBuilder(t *testing.T) *Builder {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return NewBuilder(e, Options{})
}

// scratchBuild is a build that needs no base image.
func scratchBuild(t *testing.T, name string) inputs.Build {
	t.Helper()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{
		"Dockerfile": "FROM scratch AS one\nCOPY one /one\nFROM scratch AS two\nCOPY two /two\n",
		"one":        t.Name() + name,
		"two":        "2",
	})
	return inputs.Build{Name: name, Repository: "tkdeploy-test/" + name, Context: dir, Target: "one"}
}

func TestBuildE2E(t *testing.T) {
	b := realBuilder(t)
	set := Set{Builds: []inputs.Build{scratchBuild(t, "alpha"), scratchBuild(t, "beta")}}
	removeAfter(t, b, set)

	status, err := b.Observe(t.Context(), set)
	if err != nil || len(status.Missing()) != 2 {
		t.Fatalf("before: %+v, %v", status, err)
	}
	if got := ensured(t, b, set); got != "alpha=done+1 beta=done+1" {
		t.Errorf("first: %s", got)
	}
	if got := ensured(t, b, set); got != "alpha=unchanged+0 beta=unchanged+0" {
		t.Errorf("second: %s", got)
	}
	images, err := b.Resolve(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.engine.Inspect(t.Context(), images[0].Ref)
	if err != nil || made == nil {
		t.Fatal(made, err)
	}
	if hash := made.Config.Labels[inputs.LabelInputs]; !strings.HasPrefix(hash, images[0].Tag) {
		t.Errorf("label %s=%q does not start with the tag %s", inputs.LabelInputs, hash, images[0].Tag)
	}
	enginetest.WriteFiles(t, set.Builds[0].Context, map[string]string{"two": "changed, but not read by the target"})
	if got := ensured(t, b, set); got != "alpha=unchanged+0 beta=unchanged+0" {
		t.Errorf("after a change that the target does not read: %s", got)
	}
	enginetest.WriteFiles(t, set.Builds[0].Context, map[string]string{"one": "changed"})
	removeAfter(t, b, set)
	if got := ensured(t, b, set); got != "alpha=done+1 beta=unchanged+0" {
		t.Errorf("after a change: %s", got)
	}
}

func TestFailingBuildsE2E(t *testing.T) {
	b := realBuilder(t)
	good, missing, broken := scratchBuild(t, "good"), scratchBuild(t, "missing"), scratchBuild(t, "broken")
	enginetest.WriteFiles(t, missing.Context, map[string]string{"Dockerfile": "FROM scratch AS one\nCOPY nothing /\n"})
	enginetest.WriteFiles(t, broken.Context, map[string]string{"Dockerfile": "FROM scratch AS one\nCOPPY one /\n"})
	set := Set{Builds: []inputs.Build{good, missing, broken}}
	removeAfter(t, b, Set{Builds: []inputs.Build{good}})

	_, err := b.Ensure(t.Context(), set, nil)
	if fault.ClassOf(err) != fault.Build {
		t.Fatalf("class %q of %v", fault.ClassOf(err), err)
	}
	for _, part := range []string{"build missing: ", "nothing", "build broken: ", "COPPY"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if _, err := b.Resolve(t.Context(), Set{Builds: []inputs.Build{good}}); err != nil {
		t.Errorf("the good one was not built: %v", err)
	}
}

func TestBinaryE2E(t *testing.T) {
	b := realBuilder(t)
	set := Set{Binaries: []Binary{{Repository: "tkdeploy-test/binary", Path: enginetest.StaticBinary(t)}}}
	removeAfter(t, b, set)
	if got := ensured(t, b, set); got != "tkdeploy-test/binary=done+1" {
		t.Errorf("first: %s", got)
	}
	if got := ensured(t, b, set); got != "tkdeploy-test/binary=unchanged+0" {
		t.Errorf("second: %s", got)
	}
	images, err := b.Resolve(t.Context(), set)
	if err != nil || images[0].Platform != b.engine.Platform() {
		t.Errorf("%+v, %v", images, err)
	}
}

func TestCancelledBuildE2E(t *testing.T) {
	b := realBuilder(t)
	set := Set{Builds: []inputs.Build{scratchBuild(t, "cancelled")}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := b.Ensure(ctx, set, event.ReporterFunc(func(ev event.Event) { cancel() }))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	status, err := b.Observe(t.Context(), set)
	if err != nil || len(status.Missing()) != 1 {
		t.Errorf("a cancelled build left an image: %+v, %v", status, err)
	}
}

// ensured runs Ensure and tells how each item ended, sorted by name.
func ensured(t *testing.T, b *Builder, set Set) string {
	t.Helper()
	var log enginetest.EventLog
	if _, err := b.Ensure(t.Context(), set, &log); err != nil {
		t.Fatal(err)
	}
	return log.Outcomes()
}

// removeAfter untags what the set resolves to now, at the test's end.
func removeAfter(t *testing.T, b *Builder, set Set) {
	t.Helper()
	found, err := b.newLookup().set(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range found {
			_ = b.untag(context.Background(), f.ref)
		}
	})
}
