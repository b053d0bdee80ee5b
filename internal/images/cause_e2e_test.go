//go:build e2e

package images

import (
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestBuilder_EnsureCauseE2E(t *testing.T) {
	t.Run("names the file that changed", func(t *testing.T) {
		b := NewBuilder(realBuilder(t).engine, Options{StateDir: t.TempDir(), Project: "causes"})
		build := scratchBuild(t, "cause")
		build.Project = "causes"
		set := Set{Builds: []inputs.Build{build}}
		for _, want := range []string{"built", "built: one changed"} {
			removeAfter(t, b, set)
			var log enginetest.EventLog
			built, err := b.Ensure(t.Context(), set, &log)
			enginetest.NoError(t, err)
			if got := log.Messages(event.ItemFinished); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			found, err := b.engine.Inspect(t.Context(), built[0].Ref)
			if err != nil || found.Config.Labels[inputs.LabelProject] != "causes" {
				t.Errorf("got %+v, %v, want the label of the project", found, err)
			}
			enginetest.WriteFiles(t, build.Context, map[string]string{"one": "edited"})
		}
	})

	t.Run("reports a failed build at once and stops the others", func(t *testing.T) {
		b := NewBuilder(realBuilder(t).engine, Options{BuildGrace: time.Second})
		set := Set{Builds: []inputs.Build{runBuild(t, b, "hangs", "RUN sleep 600"), runBuild(t, b, "fails", "RUN sleep 2; echo the reason; exit 3")}}
		start := time.Now()
		var reported time.Duration
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), set, event.ReporterFunc(func(e event.Event) {
			log.Report(e)
			if e.Kind == event.ItemFinished && e.Item == "fails" && strings.Contains(e.Err.Error(), "the reason") {
				reported = time.Since(start)
			}
		}))
		if err == nil || strings.Contains(err.Error(), "hangs") {
			t.Errorf("got %v, want only the failure", err)
		}
		if got := log.Outcomes(); got != "fails=failed+0 hangs=canceled+0" || reported == 0 {
			t.Errorf("got %s after %s, reason after %s", got, time.Since(start), reported)
		}
		t.Logf("the reason after %s, the end after %s", reported, time.Since(start))
	})
}
