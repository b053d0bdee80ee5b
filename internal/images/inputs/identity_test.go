package inputs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const services = `ARG GO_IMAGE
ARG NODE_IMAGE
FROM ${GO_IMAGE} AS build
ARG VERSION
COPY go.mod shared /src/
FROM build AS auth
COPY auth /src/auth
RUN --mount=type=secret,id=token go build ./auth
FROM build AS video
RUN --mount=type=bind,source=video,target=/video go build /video
FROM ${NODE_IMAGE} AS web
COPY web /web
`

func checkout(t *testing.T) Build {
	t.Helper()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{
		"Dockerfile": services, "go.mod": "module x", "shared/a.go": "package shared",
		"auth/main.go": "package main", "auth/debug.log": "noise", "video/main.go": "package main", "web/index.js": "1",
		".dockerignore": "**/*.log\n",
	})
	enginetest.NoError(t, os.Symlink("main.go", filepath.Join(dir, "auth/link")))
	return Build{
		Name: "auth", Repository: "acme/auth", Context: dir, Target: "auth",
		Args:    map[string]string{"VERSION": "1"},
		Bases:   map[string]string{"GO_IMAGE": "golang:1.26", "NODE_IMAGE": "node:24"},
		Secrets: map[string]Secret{"token": {Env: "TOKEN"}},
	}
}

func connect(t *testing.T, f *enginetest.Fake) *engine.Engine {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func baseEngine(t *testing.T) (*enginetest.Fake, *engine.Engine) {
	t.Helper()
	f := enginetest.New(t)
	f.AddImage(t, "golang:1.26", "sha256:go", nil, "sha256:1")
	f.AddImage(t, "node:24", "sha256:node", nil, "sha256:2")
	return f, connect(t, f)
}

func tagOf(t *testing.T, e *engine.Engine, b Build) string {
	t.Helper()
	id, err := NewLookupCache(e).Identify(t.Context(), b)
	enginetest.NoError(t, err)
	if len(id.Absent) > 0 {
		return "absent " + strings.Join(id.Absent, " ")
	}
	return id.Hash[:TagLength]
}

func TestLookupCache_Identify(t *testing.T) {
	t.Parallel()
	t.Run("depends on what the target reads", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name    string
			changes bool
			change  func(t *testing.T, b *Build, f *enginetest.Fake)
		}{
			{"no change", false, func(*testing.T, *Build, *enginetest.Fake) {}},
			{"file time", false, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.NoError(t, os.Chtimes(filepath.Join(b.Context, "auth/main.go"), time.Time{}, time.Unix(1, 0)))
			}},
			{"file content", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"auth/main.go": "package other"})
			}},
			{"file copied by a required stage", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"shared/a.go": "package other"})
			}},
			{"file mode", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.NoError(t, os.Chmod(filepath.Join(b.Context, "auth/main.go"), 0o755))
			}},
			{"file name", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.NoError(t, os.Rename(filepath.Join(b.Context, "auth/main.go"), filepath.Join(b.Context, "auth/server.go")))
			}},
			{"new file", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"auth/new.go": ""})
			}},
			{"link target", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				link := filepath.Join(b.Context, "auth/link")
				enginetest.NoError(t, os.Remove(link))
				enginetest.NoError(t, os.Symlink("elsewhere", link))
			}},
			{"ignored file", false, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"auth/debug.log": "more noise"})
			}},
			{"file copied by another target", false, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"web/index.js": "2", "video/main.go": "package other"})
			}},
			{"file that no target copies", false, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"README.md": "hello"})
			}},
			{"Dockerfile", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": services + "# changed\n"})
			}},
			{"argument", true, func(_ *testing.T, b *Build, _ *enginetest.Fake) { b.Args = map[string]string{"VERSION": "2"} }},
			{"target", true, func(_ *testing.T, b *Build, _ *enginetest.Fake) { b.Target = "video" }},
			{"platform", true, func(_ *testing.T, b *Build, _ *enginetest.Fake) { b.Platform = "linux/arm64" }},
			{"explicit platform of the engine", false, func(_ *testing.T, b *Build, _ *enginetest.Fake) { b.Platform = "linux/amd64" }},
			{"base image ID", true, func(t *testing.T, _ *Build, f *enginetest.Fake) {
				f.AddImage(t, "golang:1.26", "sha256:newer", nil, "sha256:1")
			}},
			{"argument that overrides a base image", true, func(t *testing.T, b *Build, f *enginetest.Fake) {
				f.AddImage(t, "golang:1.27", "sha256:other", nil, "sha256:1")
				b.Args["GO_IMAGE"] = "golang:1.27"
			}},
			{"base image that an argument overrides", false, func(_ *testing.T, b *Build, _ *enginetest.Fake) {
				b.Args["GO_IMAGE"], b.Bases["GO_IMAGE"] = "golang:1.26", "golang:0"
			}},
			{"ID of an unused base image", false, func(t *testing.T, _ *Build, f *enginetest.Fake) {
				f.AddImage(t, "node:24", "sha256:newer", nil, "sha256:2")
			}},
			{"secret source", false, func(_ *testing.T, b *Build, _ *enginetest.Fake) {
				b.Secrets = map[string]Secret{"token": {File: "/elsewhere"}}
			}},
			{"secret name", true, func(_ *testing.T, b *Build, _ *enginetest.Fake) {
				b.Secrets = map[string]Secret{"password": {Env: "TOKEN"}}
			}},
			{"ignore file of the Dockerfile", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile.dockerignore": "nothing\n"})
			}},
			{"unknown frontend in a syntax line", true, func(t *testing.T, b *Build, _ *enginetest.Fake) {
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": "# syntax=acme/frontend:1\n" + services})
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				f, e := baseEngine(t)
				b := checkout(t)
				before := tagOf(t, e, b)
				test.change(t, &b, f)
				if after := tagOf(t, e, b); (after != before) != test.changes {
					t.Errorf("got tag %s after %s, want changed %t", after, before, test.changes)
				}
			})
		}
	})

	t.Run("is independent of the directory", func(t *testing.T) {
		t.Parallel()
		_, e := baseEngine(t)
		if one, two := tagOf(t, e, checkout(t)), tagOf(t, e, checkout(t)); one != two {
			t.Errorf("got tag %s in one directory and %s in another, want the same", one, two)
		}
	})

	t.Run("refuses a name that is not UTF-8", func(t *testing.T) {
		t.Parallel()
		_, e := baseEngine(t)
		b := checkout(t)
		enginetest.NoError(t, os.WriteFile(filepath.Join(b.Context, "auth", "a\xffb"), nil, 0o600))
		_, err := NewLookupCache(e).Identify(t.Context(), b)
		if err == nil || fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), `auth/a\xffb" in the build context: the name "auth/a\xffb" is not valid UTF-8`) {
			t.Errorf("got %v of class %s", err, fault.ClassOf(err))
		}
	})

	t.Run("reports a missing base image", func(t *testing.T) {
		t.Parallel()
		e := connect(t, enginetest.New(t))
		if got := tagOf(t, e, checkout(t)); got != "absent docker.io/library/golang:1.26" {
			t.Errorf("got %q, want the missing base image", got)
		}
	})
}

func TestReadsOf(t *testing.T) {
	t.Parallel()
	b := checkout(t)
	for _, test := range []struct {
		name, dockerfile, target string
		want                     string
	}{
		{"COPY of required stages", services, "auth", "auth go.mod shared"},
		{"bind mount", services, "video", "go.mod shared video"},
		{"last stage by default", services, "", "web"},
		{"patterns", "FROM scratch\nCOPY *.go a?/ /\n", "", "*.go a?"},
		{"argument in a path", "FROM scratch\nARG VERSION\nCOPY v${VERSION} /\n", "", "v1"},
		{"whole context", "FROM scratch\nCOPY . /\n", "", "whole"},
		{"no context", "FROM scratch\nLABEL a=b\n", "", ""},
		{"stable frontend", "# syntax=docker/dockerfile:1.7\nFROM scratch\nCOPY a /\n", "", "a"},
		{"labs frontend", "# syntax=docker/dockerfile:1-labs\nFROM scratch\nCOPY a /\n", "", "a"},
		{"newer frontend", "# syntax=docker/dockerfile:1.999\nFROM scratch\nCOPY a /\n", "", "whole"},
		{"syntax error", "FROM scratch\nCOPPY a /\n", "", "whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := b
			b.Target = test.target
			r := readsOf(t.Context(), []byte(test.dockerfile), b, "linux/amd64", NewLookupCache(connect(t, enginetest.New(t))).config)
			got := strings.Join(slices.Sorted(slices.Values(r.paths)), " ")
			if r.whole {
				got = "whole"
			}
			if got = strings.ReplaceAll(strings.ReplaceAll(got, " /", " "), "/", ""); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The tag must depend on the frontend and on base images, even if the frontend may read other files than
// BuildKit's converter.
func TestReadsOf_bases(t *testing.T) {
	t.Parallel()
	b := Build{Bases: map[string]string{"GO_IMAGE": "golang:1.26"}}
	for syntax, want := range map[string][]string{
		"docker/dockerfile:1.999": {"docker.io/library/alpine:3", "docker/dockerfile:1.999", "golang:1.26"},
		"acme/frontend:1":         {"acme/frontend:1", "golang:1.26"}, // FROM may have another meaning
	} {
		t.Run(syntax, func(t *testing.T) {
			t.Parallel()
			r := readsOf(t.Context(), []byte("# syntax="+syntax+"\nFROM alpine:3\nCOPY a /\n"), b, "linux/amd64", NewLookupCache(connect(t, enginetest.New(t))).config)
			if !r.whole || !slices.Equal(r.bases, want) {
				t.Errorf("got bases %q, whole %t, want %q and the whole context", r.bases, r.whole, want)
			}
		})
	}
}
