package images

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func recipe(t *testing.T, script string) string {
	t.Helper()
	root := t.TempDir()
	enginetest.WriteFiles(t, root, map[string]string{
		"lib.sh": "shared", "parts/a": "1", "unrelated": "",
		"postgres/build": "#!/bin/sh\n" + script, "postgres/inputs": "# shared files\n../lib.sh\n\n../parts\n",
	})
	enginetest.NoError(t, os.Chmod(filepath.Join(root, "postgres/build"), 0o755))
	return filepath.Join(root, "postgres")
}

func createImage(f *enginetest.Fake, label string) string {
	return `echo "unpacking" >&2
echo '{"Id":"sha256:created","Config":{"Labels":{"dev.tkdeploy.recipe":"'` + label + `'"}}}' > ` + f.Dir + `/"$1"` + "\n"
}

func offline(f *enginetest.Fake) *enginetest.Fake {
	f.Pull = enginetest.RefusePull(http.StatusInternalServerError, noHost)
	return f
}

func TestRecipeHash(t *testing.T) {
	t.Parallel()
	t.Run("depends on the recipe's files", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name    string
			changes bool
			files   map[string]string
		}{
			{"no change", false, nil},
			{"file of the recipe", true, map[string]string{"new": "x"}},
			{"listed file", true, map[string]string{"../lib.sh": "other"}},
			{"file in a listed directory", true, map[string]string{"../parts/b": "2"}},
			{"unlisted file outside", false, map[string]string{"../unrelated": "other"}},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				dir := recipe(t, "")
				before, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
				enginetest.NoError(t, err)
				enginetest.WriteFiles(t, dir, test.files)
				after, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
				if err != nil || (after != before) != test.changes {
					t.Errorf("got hash %s after %s, %v, want changed %t", after, before, err, test.changes)
				}
			})
		}
	})

	t.Run("fails for a missing input", func(t *testing.T) {
		t.Parallel()
		dir := recipe(t, "")
		enginetest.WriteFiles(t, dir, map[string]string{"inputs": "../nothing\n"})
		_, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
		if fault.ClassOf(err) != fault.Config {
			t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.Config)
		}
	})
}

func TestBuilder_Ensure_recipe(t *testing.T) {
	t.Parallel()
	t.Run("builds an image that cannot be pulled", func(t *testing.T) {
		t.Parallel()
		f := offline(enginetest.New(t))
		b := fakeBuilder(t, f)
		s := Source{Name: "postgres", Ref: "postgres:17", Recipe: recipe(t, `test "$DOCKER_HOST" = unix://`+f.Socket+` || exit 7
`+createImage(f, "$TKDEPLOY_RECIPE"))}
		set := Set{Sources: []Source{s}}
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), set, &log)
		enginetest.NoError(t, err)
		if got := log.Messages(event.ItemFinished); got != "built by recipe "+filepath.Base(s.Recipe)+": docker.io cannot be reached" {
			t.Errorf("got message %q", got)
		}
		if !strings.Contains(log.Messages(event.ItemProgress), "unpacking") {
			t.Errorf("got progress %q, want the recipe's output", log.Messages(event.ItemProgress))
		}
		enginetest.WriteFiles(t, s.Recipe, map[string]string{"new": "x"})
		status, err := b.Observe(t.Context(), set)
		if err != nil || status.Images[0].Present || status.Images[0].Reason != "recipe changed" {
			t.Errorf("got %+v, %v, want an outdated image", status, err)
		}
		log = enginetest.EventLog{}
		if _, err := b.Ensure(t.Context(), set, &log); err != nil || log.Outcomes() != "postgres=done+1" || len(f.Pulled) != 1 {
			t.Errorf("got %v, %s, pulls %v, want a new image without a pull", err, log.Outcomes(), f.Pulled)
		}
	})

	t.Run("keeps an image without a recipe label", func(t *testing.T) {
		t.Parallel()
		f := offline(enginetest.New(t))
		f.AddImage(t, "postgres:17", "sha256:mine", nil)
		b := fakeBuilder(t, f)
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "postgres", Ref: "postgres:17", Recipe: recipe(t, "exit 1")}}}, &log)
		if err != nil || log.Outcomes() != "postgres=unchanged+0" {
			t.Errorf("got %v, %s, want no change", err, log.Outcomes())
		}
	})

	t.Run("returns recipe errors", func(t *testing.T) {
		t.Parallel()
		f := offline(enginetest.New(t))
		b := fakeBuilder(t, f)
		for _, test := range []struct{ name, script, want string }{
			{"failure with the last lines", "for i in $(seq 40); do echo line $i >&2; done; exit 3", "exit status 3\n    line 11\n"},
			{"missing image", "true", "did not create the image"},
			{"wrong label", createImage(f, "wrong"), "lacks the label dev.tkdeploy.recipe"},
		} {
			t.Run(test.name, func(t *testing.T) {
				_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "x", Ref: "x:1", Recipe: recipe(t, test.script)}}}, nil)
				if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Build {
					t.Errorf("got %v of class %q, want %q of class %q", err, fault.ClassOf(err), test.want, fault.Build)
				}
			})
		}
	})

	t.Run("removes the image of a recipe that changed while it ran", func(t *testing.T) {
		t.Parallel()
		f := offline(enginetest.New(t))
		s := Source{Name: "x", Ref: "x:1", Recipe: recipe(t, "echo changed >>../lib.sh\n"+createImage(f, "$TKDEPLOY_RECIPE"))}
		_, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Sources: []Source{s}}, nil)
		if err == nil || !strings.Contains(err.Error(), "changed while it ran") || fault.ClassOf(err) != fault.Build {
			t.Errorf("got %v of class %q, want a changed recipe of class %q", err, fault.ClassOf(err), fault.Build)
		}
		if found, err := connect(t, f).Inspect(t.Context(), "x:1"); err != nil || found != nil {
			t.Errorf("got image %v, %v, want none", found, err)
		}
	})

	t.Run("stops a canceled recipe with its children", func(t *testing.T) {
		t.Parallel()
		b := fakeBuilder(t, offline(enginetest.New(t)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		script := "sleep 600 & echo started; wait\n"
		_, err := b.Ensure(ctx, Set{Sources: []Source{{Name: "x", Ref: "x:1", Recipe: recipe(t, script)}}}, event.ReporterFunc(func(ev event.Event) {
			if ev.Message == "started" {
				cancel()
			}
		}))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
