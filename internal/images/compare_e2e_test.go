//go:build e2e

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// comparison is a file of testdata/dockerfiles: a build context with settings before it.
//
//	target: STAGE    the stage to build
//	arg: NAME=VALUE  a build argument (repeatable)
//	file: PATH       the Dockerfile
//	run: COMMAND     a shell command to run in the context first (repeatable)
//	error: TEXT      tkdeploy's build fails with this text, and docker's fails too
//	newer: WHY       docker build of old engines fails, and so may tkdeploy with "needs a newer Docker engine"
//	refused: TEXT    tkdeploy refuses with this text what docker builds
//	differs: WHY     both build, but the images need not be the same
type comparison struct {
	build    inputs.Build
	commands []string
	fails    string
	newer    bool
	refused  string
	differs  bool
}

func readComparison(t *testing.T, path string) comparison {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	enginetest.NoError(t, err)
	name, dir := strings.TrimSuffix(filepath.Base(path), ".txtar"), t.TempDir()
	c := comparison{build: inputs.Build{Name: name, Repository: "tkdeploy-test/compare-" + name, Context: dir, Args: map[string]string{}}}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, found := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !found || strings.HasPrefix(line, "#"):
		case key == "target":
			c.build.Target = value
		case key == "arg":
			arg, text, _ := strings.Cut(value, "=")
			c.build.Args[arg] = text
		case key == "file":
			c.build.Dockerfile = filepath.Join(dir, value)
		case key == "run":
			c.commands = append(c.commands, value)
		case key == "error":
			c.fails = value
		case key == "newer":
			c.newer = true
		case key == "refused":
			c.refused = value
		case key == "differs":
			c.differs = true
		default:
			t.Fatalf("unknown setting %q", line)
		}
	}
	for _, f := range archive.Files {
		enginetest.WriteFiles(t, dir, map[string]string{f.Name: string(f.Data)})
	}
	for _, command := range c.commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	return c
}

// dockerBuild builds with the docker command and returns the image and the output.
func dockerBuild(t *testing.T, docker string, c comparison) (ref, output string, err error) {
	t.Helper()
	ref = c.build.Repository + ":docker"
	// The label keeps parallel tests from sharing an image, which one of them removes.
	args := []string{"build", "--tag", ref, "--file", c.build.DockerfilePath(), "--label", inputs.LabelName + "=" + c.build.Name}
	for arg, value := range c.build.Args {
		args = append(args, "--build-arg", arg+"="+value)
	}
	if c.build.Target != "" {
		args = append(args, "--target", c.build.Target)
	}
	cmd := exec.CommandContext(t.Context(), docker, append(args, c.build.Context)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain")
	out, err := cmd.CombinedOutput()
	return ref, string(out), err
}

// dockerWithBuildKit returns a docker command that builds with BuildKit. Newer ones
// need buildx.
func dockerWithBuildKit(t *testing.T) string {
	t.Helper()
	for _, docker := range []string{"docker", "/usr/bin/docker"} {
		cmd := exec.CommandContext(t.Context(), docker, "build", "--help")
		cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
		out, err := cmd.CombinedOutput()
		if err == nil && strings.Contains(string(out), "--secret") {
			return docker
		}
	}
	t.Skip("no docker command with BuildKit")
	return ""
}

const comparisonBase = "tkdeploy.local/busybox:1"

// addBase imports busybox as the base image. It needs the package busybox-static.
func addBase(t *testing.T, b *Builder) {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	file, err := elf.Open(path)
	enginetest.NoError(t, err)
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			t.Skip(path + " is not static")
		}
	}
	binary, err := os.ReadFile(path)
	enginetest.NoError(t, err)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	enginetest.NoError(t, w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(binary))}))
	_, err = w.Write(binary)
	enginetest.NoError(t, err)
	for _, applet := range strings.Fields("sh cat echo ls mkdir chmod env id touch test true false cp ln rm stat wc sort printf") {
		enginetest.NoError(t, w.WriteHeader(&tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}))
	}
	for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", "etc/group": "root:x:0:\napp:x:1000:\n"} {
		enginetest.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}))
		_, err = w.Write([]byte(text))
		enginetest.NoError(t, err)
	}
	enginetest.NoError(t, w.Close())
	body, err := b.engine.API().ImageImport(t.Context(), image.ImportSource{Source: &archive, SourceName: "-"}, comparisonBase,
		image.ImportOptions{Changes: []string{"ENV PATH=/bin", `CMD ["sh"]`, "LABEL base=yes"}})
	enginetest.NoError(t, err)
	_, err = io.Copy(io.Discard, body)
	enginetest.NoError(t, errors.Join(err, body.Close()))
	t.Cleanup(func() { _ = b.untag(context.Background(), comparisonBase) })
}

// imageFiles describes the files of an image, by path.
func imageFiles(t *testing.T, b *Builder, ref string) map[string]string {
	t.Helper()
	created, err := b.engine.API().ContainerCreate(t.Context(), &container.Config{Image: ref, Cmd: []string{"none"}}, nil, nil, nil, "")
	enginetest.NoError(t, err)
	defer func() {
		_ = b.engine.API().ContainerRemove(context.Background(), created.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}()
	stream, err := b.engine.API().ContainerExport(t.Context(), created.ID)
	enginetest.NoError(t, err)
	defer stream.Close()
	files, archive := map[string]string{}, tar.NewReader(stream)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		enginetest.NoError(t, err)
		sum := sha256.New()
		_, err = io.Copy(sum, archive)
		enginetest.NoError(t, err)
		files[h.Name] = fmt.Sprintf("%c %o %d:%d %q %d %x", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, h.Size, sum.Sum(nil)[:6])
	}
}

// imageConfig returns the config without tkdeploy's labels.
func imageConfig(t *testing.T, b *Builder, ref string) dockerspec.DockerOCIImageConfig {
	t.Helper()
	found, err := b.engine.Inspect(t.Context(), ref)
	enginetest.NoError(t, err)
	config := *found.Config
	delete(config.Labels, inputs.LabelInputs)
	delete(config.Labels, inputs.LabelName)
	config.ArgsEscaped = false //nolint:staticcheck // deprecated, has no effect on Linux
	return config
}

// TestBuilder_compareE2E builds each Dockerfile of testdata/dockerfiles with tkdeploy and
// with docker build.
func TestBuilder_compareE2E(t *testing.T) {
	docker, b := dockerWithBuildKit(t), realBuilder(t)
	addBase(t, b)
	paths, err := filepath.Glob("testdata/dockerfiles/*.txtar")
	enginetest.NoError(t, err)
	if len(paths) < 60 {
		t.Errorf("got %d files in testdata/dockerfiles, want at least 60", len(paths))
	}
	t.Run("files", func(t *testing.T) {
		for _, path := range paths {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
				t.Parallel()
				compare(t, b, docker, readComparison(t, path))
			})
		}
	})
}

func compare(t *testing.T, b *Builder, docker string, c comparison) {
	t.Helper()
	images, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{c.build}}, nil)
	if err == nil {
		t.Cleanup(func() { _ = b.untag(context.Background(), images[0].Ref) })
	}
	theirs, output, theirErr := dockerBuild(t, docker, c)
	if theirErr == nil {
		t.Cleanup(func() { _ = b.untag(context.Background(), theirs) })
	}
	t.Logf("tkdeploy: %v\ndocker: %v", err, theirErr)
	switch {
	case c.refused != "":
		if err == nil || !strings.Contains(err.Error(), c.refused) || theirErr != nil {
			t.Errorf("got %v and from docker %v, want only %q", err, theirErr, c.refused)
		}
		return
	case c.fails != "":
		if err == nil || !strings.Contains(err.Error(), c.fails) || theirErr == nil {
			t.Errorf("got %v and from docker %v, want %q and a failure\n%s", err, theirErr, c.fails, output)
		}
		return
	case c.newer && err != nil && strings.Contains(err.Error(), "needs a newer Docker engine"):
		return
	case err != nil:
		t.Fatalf("got %v, want an image; docker: %v\n%s", err, theirErr, output)
	case theirErr != nil:
		if !c.newer {
			t.Errorf("got an image, but docker %v\n%s", theirErr, output)
		}
		return
	case c.differs:
		return
	}
	if diff := cmp.Diff(imageFiles(t, b, theirs), imageFiles(t, b, images[0].Ref)); diff != "" {
		t.Errorf("files: -docker +tkdeploy:\n%s", diff)
	}
	if diff := cmp.Diff(imageConfig(t, b, theirs), imageConfig(t, b, images[0].Ref), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("config: -docker +tkdeploy:\n%s", diff)
	}
}
