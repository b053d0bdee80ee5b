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

func realBuilder(t *testing.T) *Builder {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return NewBuilder(e, Options{})
}

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

func TestBuilder_EnsureE2E(t *testing.T) {
	t.Run("builds only changed images", func(t *testing.T) {
		b := realBuilder(t)
		set := Set{Builds: []inputs.Build{scratchBuild(t, "alpha"), scratchBuild(t, "beta")}}
		removeAfter(t, b, set)

		status, err := b.Observe(t.Context(), set)
		if err != nil || len(status.Missing()) != 2 {
			t.Fatalf("before the build: got %+v, %v, want two missing images", status, err)
		}
		if got := ensured(t, b, set); got != "alpha=done+1 beta=done+1" {
			t.Errorf("first run: got %s, want two builds", got)
		}
		if got := ensured(t, b, set); got != "alpha=unchanged+0 beta=unchanged+0" {
			t.Errorf("second run: got %s, want no change", got)
		}
		images, err := b.Resolve(t.Context(), set)
		enginetest.NoError(t, err)
		built, err := b.engine.Inspect(t.Context(), images[0].Ref)
		if err != nil || built == nil {
			t.Fatalf("got %v, %v, want the built image", built, err)
		}
		if hash := built.Config.Labels[inputs.LabelInputs]; !strings.HasPrefix(hash, images[0].Tag) {
			t.Errorf("got label %s=%q, want it to start with the tag %s", inputs.LabelInputs, hash, images[0].Tag)
		}
		enginetest.WriteFiles(t, set.Builds[0].Context, map[string]string{"two": "changed, but not read by the target"})
		if got := ensured(t, b, set); got != "alpha=unchanged+0 beta=unchanged+0" {
			t.Errorf("after a change in another target: got %s, want no change", got)
		}
		enginetest.WriteFiles(t, set.Builds[0].Context, map[string]string{"one": "changed"})
		removeAfter(t, b, set)
		if got := ensured(t, b, set); got != "alpha=done+1 beta=unchanged+0" {
			t.Errorf("after a change: got %s, want one build", got)
		}
	})

	t.Run("builds valid images next to failing ones", func(t *testing.T) {
		b := realBuilder(t)
		good, missing, broken := scratchBuild(t, "good"), scratchBuild(t, "missing"), scratchBuild(t, "broken")
		enginetest.WriteFiles(t, missing.Context, map[string]string{"Dockerfile": "FROM scratch AS one\nCOPY nothing /\n"})
		enginetest.WriteFiles(t, broken.Context, map[string]string{"Dockerfile": "FROM scratch AS one\nCOPPY one /\n"})
		set := Set{Builds: []inputs.Build{good, missing, broken}}
		removeAfter(t, b, Set{Builds: []inputs.Build{good}})

		_, err := b.Ensure(t.Context(), set, nil)
		if fault.ClassOf(err) != fault.Build {
			t.Fatalf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.Build)
		}
		for _, part := range []string{"build missing: ", "nothing", "build broken: ", "COPPY"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want it to contain %q", err, part)
			}
		}
		if _, err := b.Resolve(t.Context(), Set{Builds: []inputs.Build{good}}); err != nil {
			t.Errorf("valid build next to failing ones: %v", err)
		}
	})

	t.Run("loads a binary once", func(t *testing.T) {
		b := realBuilder(t)
		set := Set{Binaries: []Binary{{Repository: "tkdeploy-test/binary", Path: enginetest.StaticBinary(t)}}}
		removeAfter(t, b, set)
		if got := ensured(t, b, set); got != "tkdeploy-test/binary=done+1" {
			t.Errorf("first run: got %s, want one image", got)
		}
		if got := ensured(t, b, set); got != "tkdeploy-test/binary=unchanged+0" {
			t.Errorf("second run: got %s, want no change", got)
		}
		images, err := b.Resolve(t.Context(), set)
		if err != nil || images[0].Platform != b.engine.Platform() {
			t.Errorf("got %+v, %v, want platform %s", images, err, b.engine.Platform())
		}
	})

	t.Run("leaves no image of a canceled build", func(t *testing.T) {
		b := realBuilder(t)
		set := Set{Builds: []inputs.Build{scratchBuild(t, "canceled")}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := b.Ensure(ctx, set, event.ReporterFunc(func(ev event.Event) { cancel() }))
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want %v", err, context.Canceled)
		}
		status, err := b.Observe(t.Context(), set)
		if err != nil || len(status.Missing()) != 1 {
			t.Errorf("after a canceled build: got %+v, %v, want one missing image", status, err)
		}
	})
}

func ensured(t *testing.T, b *Builder, set Set) string {
	t.Helper()
	var log enginetest.EventLog
	_, err := b.Ensure(t.Context(), set, &log)
	enginetest.NoError(t, err)
	return log.Outcomes()
}

func removeAfter(t *testing.T, b *Builder, set Set) {
	t.Helper()
	results, err := b.newLookup().set(t.Context(), set)
	enginetest.NoError(t, err)
	t.Cleanup(func() {
		for _, r := range results {
			_ = b.untag(context.Background(), r.ref)
		}
	})
}
