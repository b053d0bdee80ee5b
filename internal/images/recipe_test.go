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

// recipe writes a recipe with the script into a folder beside a shared file.
func recipe(t *testing.T, script string) string {
	t.Helper()
	root := t.TempDir()
	enginetest.WriteFiles(t, root, map[string]string{
		"lib.sh": "shared", "parts/a": "1", "unrelated": "",
		"postgres/build": "#!/bin/sh\n" + script, "postgres/inputs": "# what it uses besides\n../lib.sh\n\n../parts\n",
	})
	enginetest.NoError(t, os.Chmod(filepath.Join(root, "postgres/build"), 0o755))
	return filepath.Join(root, "postgres")
}

// making is a script that makes the image in a fake engine.
func making(f *enginetest.Fake, label string) string {
	return `echo "unpacking" >&2
echo '{"Id":"sha256:made","Config":{"Labels":{"dev.tkdeploy.recipe":"'` + label + `'"}}}' > ` + f.Dir + `/"$1"` + "\n"
}

func offline(f *enginetest.Fake) *enginetest.Fake {
	f.Pull = enginetest.RefusePull(http.StatusInternalServerError, noHost)
	return f
}

func TestRecipeHash(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		changes bool
		files   map[string]string
	}{
		{"nothing", false, nil},
		{"a file of the recipe", true, map[string]string{"new": "x"}},
		{"a file that it names", true, map[string]string{"../lib.sh": "other"}},
		{"a file in a folder that it names", true, map[string]string{"../parts/b": "2"}},
		{"a file beside it", false, map[string]string{"../unrelated": "other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := recipe(t, "")
			before, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
			enginetest.NoError(t, err)
			enginetest.WriteFiles(t, dir, test.files)
			after, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
			if err != nil || (after != before) != test.changes {
				t.Errorf("%s became %s, %v", before, after, err)
			}
		})
	}
}

func TestRecipeWithAMissingInput(t *testing.T) {
	t.Parallel()
	dir := recipe(t, "")
	enginetest.WriteFiles(t, dir, map[string]string{"inputs": "../nothing\n"})
	_, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
	if fault.ClassOf(err) != fault.Config {
		t.Errorf("%v", err)
	}
}

func TestARecipeMakesWhatCannotBePulled(t *testing.T) {
	t.Parallel()
	f := offline(enginetest.New(t))
	b := fakeBuilder(t, f)
	s := Source{Name: "postgres", Ref: "postgres:17", Recipe: recipe(t, `test "$DOCKER_HOST" = unix://`+f.Socket+` || exit 7
`+making(f, "$TKDEPLOY_RECIPE"))}
	set := Set{Sources: []Source{s}}
	var log enginetest.EventLog
	if _, err := b.Ensure(t.Context(), set, &log); err != nil {
		t.Fatal(err)
	}
	if got := log.Messages(event.ItemFinished); got != "made by the recipe "+filepath.Base(s.Recipe)+": docker.io cannot be reached" {
		t.Errorf("finished: %s", got)
	}
	if !strings.Contains(log.Messages(event.ItemProgress), "unpacking") {
		t.Errorf("progress: %s", log.Messages(event.ItemProgress))
	}
	enginetest.WriteFiles(t, s.Recipe, map[string]string{"new": "the recipe changed"})
	status, err := b.Observe(t.Context(), set)
	if err != nil || status.Images[0].Present || status.Images[0].Reason != "its recipe changed" {
		t.Errorf("%+v, %v", status, err)
	}
	log = enginetest.EventLog{}
	if _, err := b.Ensure(t.Context(), set, &log); err != nil || log.Outcomes() != "postgres=done+1" || len(f.Pulled) != 1 {
		t.Errorf("%v, %s, pulled %v", err, log.Outcomes(), f.Pulled)
	}
}

func TestAnImageWithoutARecipesLabelIsTheUsers(t *testing.T) {
	t.Parallel()
	f := offline(enginetest.New(t))
	f.AddImage(t, "postgres:17", "sha256:mine", nil)
	b := fakeBuilder(t, f)
	var log enginetest.EventLog
	_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "postgres", Ref: "postgres:17", Recipe: recipe(t, "exit 1")}}}, &log)
	if err != nil || log.Outcomes() != "postgres=unchanged+0" {
		t.Errorf("%v, %s", err, log.Outcomes())
	}
}

func TestRecipeFaults(t *testing.T) {
	t.Parallel()
	f := offline(enginetest.New(t))
	b := fakeBuilder(t, f)
	for _, test := range []struct{ name, script, want string }{
		{"its last lines are shown", "for i in $(seq 40); do echo line $i >&2; done; exit 3", "exit status 3\n    line 11\n"},
		{"it must make the image", "true", "there is no image of that name"},
		{"it must label the image", making(f, "wrong"), "lacks the label dev.tkdeploy.recipe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "x", Ref: "x:1", Recipe: recipe(t, test.script)}}}, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Build {
				t.Errorf("%q is not in: %v", test.want, err)
			}
		})
	}
}

func TestACancelledRecipeEndsWithItsChildren(t *testing.T) {
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
		t.Errorf("%v", err)
	}
}

func TestALineLogKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	log := lineLog{keep: 2}
	for _, part := range []string{"one\ntw", "o\n\n", "10%\r100%\n", "rest"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	log.flush()
	if got := strings.Join(log.lines, "|"); got != "100%|rest" {
		t.Errorf("got %s", got)
	}
}
