//go:build e2e

package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

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

	t.Run("builds again without the cache, under a new tag", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "rebuild")
		set := Set{Builds: []inputs.Build{build}}
		first := built(t, b, build)
		again := NewBuilder(b.engine, Options{NoCache: true})
		status, err := again.Observe(t.Context(), set)
		if err != nil || len(status.Missing()) != 1 || status.Images[0].Reason != "--no-cache" {
			t.Errorf("before: got %+v, %v, want the image to be missing", status, err)
		}
		second := built(t, again, build)
		if second.Tag == first.Tag || !strings.HasPrefix(second.Tag, first.Tag+"-") {
			t.Errorf("got tag %s after %s, want one with a suffix", second.Tag, first.Tag)
		}
		for name, builder := range map[string]*Builder{"the same run": again, "a later run": NewBuilder(b.engine, Options{})} {
			images, err := builder.Resolve(t.Context(), set)
			if err != nil || images[0].Ref != second.Ref || images[0].ID != second.ID {
				t.Errorf("%s: got %+v, %v, want %+v", name, images, err, second)
			}
		}
	})

	t.Run("pulls bases again", func(t *testing.T) {
		b, build := NewBuilder(realBuilder(t).engine, Options{Pull: true}), scratchBuild(t, "pull")
		addBase(t, b)
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM " + comparisonBase + " AS one\n"})
		_, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, nil)
		if err == nil || !strings.Contains(err.Error(), "pull image "+comparisonBase+" again: tkdeploy.local cannot be reached") {
			t.Errorf("got %v, want a pull that fails", err)
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
		set := Set{Binaries: []Binary{{Repository: "tkdeploy-test/binary", Program: programs}}}
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

// contents returns the file of the image, without a container.
func contents(t *testing.T, b *Builder, i engine.Image, name string) string {
	t.Helper()
	created, err := b.engine.API().ContainerCreate(t.Context(), &container.Config{Image: i.ID, Cmd: []string{"none"}}, nil, nil, nil, "")
	enginetest.NoError(t, err)
	t.Cleanup(func() {
		_ = b.engine.API().ContainerRemove(context.Background(), created.ID, container.RemoveOptions{Force: true})
	})
	stream, _, err := b.engine.API().CopyFromContainer(t.Context(), created.ID, name)
	enginetest.NoError(t, err)
	defer stream.Close()
	archive := tar.NewReader(stream)
	_, err = archive.Next()
	enginetest.NoError(t, err)
	text, err := io.ReadAll(archive)
	enginetest.NoError(t, err)
	return string(text)
}

func built(t *testing.T, b *Builder, build inputs.Build) engine.Image {
	t.Helper()
	images, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, nil)
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = b.untag(context.Background(), images[0].Ref) })
	return images[0]
}

func TestBuilder_EnsureSnapshotE2E(t *testing.T) {
	t.Run("builds new content of the same size and time", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "same-time")
		at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		random := fmt.Sprint(time.Now().UnixNano()) // not in the engine's cache
		var tags []string
		for _, text := range []string{"one " + random, "two " + random} {
			enginetest.WriteFiles(t, build.Context, map[string]string{"one": text})
			enginetest.NoError(t, os.Chtimes(filepath.Join(build.Context, "one"), at, at))
			i := built(t, b, build)
			if got := contents(t, b, i, "/one"); got != text {
				t.Errorf("tag %s: got content %q, want %q", i.Tag, got, text)
			}
			tags = append(tags, i.Tag)
		}
		if tags[0] == tags[1] {
			t.Errorf("got tag %s for both, want two", tags[0])
		}
	})

	t.Run("builds a growing file as it was hashed", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "growing")
		file, err := os.OpenFile(filepath.Join(build.Context, "one"), os.O_APPEND|os.O_WRONLY, 0)
		enginetest.NoError(t, err)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = file.WriteString("line\n")
				}
			}
		}()
		i := built(t, b, build)
		close(stop)
		<-stopped
		text := contents(t, b, i, "/one")
		enginetest.NoError(t, os.WriteFile(file.Name(), []byte(text), 0o644))
		enginetest.NoError(t, file.Close())
		if id, err := inputs.NewLookupCache(b.engine).Identify(t.Context(), build); err != nil || id.Ref != i.Ref {
			t.Errorf("got image %s with the content of %s, %v", i.Ref, id.Ref, err)
		}
	})

	t.Run("builds again after a change, and names a file that always changes", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "changed")
		path := filepath.Join(build.Context, "one")
		changes := 1
		reporter := event.ReporterFunc(func(e event.Event) {
			if changes > 0 && strings.HasPrefix(e.Message, "[internal] load build definition") {
				changes--
				enginetest.NoError(t, os.WriteFile(path, []byte(fmt.Sprint("saved ", changes, time.Now().UnixNano())), 0o644))
			}
		})
		set := Set{Builds: []inputs.Build{build}}
		images, err := b.Ensure(t.Context(), set, reporter)
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = b.untag(context.Background(), images[0].Ref) })
		if got := contents(t, b, images[0], "/one"); !strings.HasPrefix(got, "saved 0") {
			t.Errorf("got content %q, want the saved one", got)
		}
		enginetest.WriteFiles(t, build.Context, map[string]string{"one": fmt.Sprint(time.Now().UnixNano())})
		changes = buildAttempts
		_, err = b.Ensure(t.Context(), set, reporter)
		if fault.ClassOf(fault.Split(err)[0]) != fault.Build || !strings.Contains(err.Error(), "build changed: "+path+" changed during the build, 3 times") {
			t.Errorf("got %v, want the file that changes", err)
		}
	})

	t.Run("leaves only final names, and removes those of a killed run", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "temporary")
		i := built(t, b, build)
		ended := exec.CommandContext(t.Context(), "true")
		enginetest.NoError(t, ended.Run())
		leftover := fmt.Sprintf("%s:building-%s-%d-0123456789ab", i.Repository, machine(), ended.Process.Pid)
		enginetest.NoError(t, b.tag(t.Context(), i.Ref, leftover))
		enginetest.WriteFiles(t, build.Context, map[string]string{"one": fmt.Sprint(time.Now().UnixNano())})
		built(t, b, build)
		found, err := b.engine.API().ImageList(t.Context(), image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", i.Repository))})
		enginetest.NoError(t, err)
		for _, f := range found {
			if names := strings.Join(f.RepoTags, " "); strings.Contains(names, ":building-") {
				t.Errorf("got names %s, want no temporary one", names)
			}
		}
	})

	t.Run("copies a socket as an empty file and a pipe as a pipe", func(t *testing.T) {
		b, build := realBuilder(t), scratchBuild(t, "special")
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM scratch AS one\nCOPY . /all/\n"})
		t.Chdir(build.Context) // the names of sockets are limited
		listener, err := net.Listen("unix", "socket")
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		enginetest.NoError(t, syscall.Mkfifo("pipe", 0o644))
		i := built(t, b, build)
		if got := contents(t, b, i, "/all/socket"); got != "" {
			t.Errorf("got content %q of the socket, want none", got)
		}
		if again := built(t, b, build); again.Ref != i.Ref {
			t.Errorf("got image %s after %s, want the same", again.Ref, i.Ref)
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
