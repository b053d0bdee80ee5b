package dockerfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyntax(t *testing.T) {
	t.Parallel()
	type result struct {
		Image            string
		Line             int
		Docker, Embedded bool
	}
	for name, test := range map[string]struct {
		text string
		args map[string]string
		want result
	}{
		"no line":                {"FROM scratch\n", nil, result{"", 0, true, true}},
		"major version":          {"# syntax=docker/dockerfile:1\nFROM scratch\n", nil, result{"docker/dockerfile:1", 1, true, true}},
		"blanks and domain":      {"#   syntax = docker.io/docker/dockerfile:1.4 \n", nil, result{"docker.io/docker/dockerfile:1.4", 1, true, true}},
		"patch version":          {"# syntax=docker/dockerfile:1.7.1\n", nil, result{"docker/dockerfile:1.7.1", 1, true, true}},
		"labs":                   {"# syntax=docker/dockerfile:1-labs\n", nil, result{"docker/dockerfile:1-labs", 1, true, true}},
		"no tag":                 {"# syntax=docker/dockerfile\n", nil, result{"docker/dockerfile", 1, true, true}},
		"second directive":       {"# escape=`\n# syntax=docker/dockerfile:1\n", nil, result{"docker/dockerfile:1", 2, true, true}},
		"own version":            {"# syntax=docker/dockerfile:" + Version() + "\n", nil, result{"docker/dockerfile:" + Version(), 1, true, true}},
		"newer version":          {"# syntax=docker/dockerfile:1.999\n", nil, result{"docker/dockerfile:1.999", 1, true, false}},
		"next major version":     {"# syntax=docker/dockerfile:2\n", nil, result{"docker/dockerfile:2", 1, true, false}},
		"digest":                 {"# syntax=docker/dockerfile:1@sha256:ab\n", nil, result{"docker/dockerfile:1@sha256:ab", 1, true, false}},
		"upstream":               {"# syntax=docker/dockerfile-upstream:master\n", nil, result{"docker/dockerfile-upstream:master", 1, true, false}},
		"another frontend":       {"# syntax=acme/other:1\n", nil, result{"acme/other:1", 1, false, false}},
		"image with this prefix": {"# syntax=docker/dockerfilex:1\n", nil, result{"docker/dockerfilex:1", 1, false, false}},
		"comment":                {"# a\n# syntax=acme/other:1\n", nil, result{"", 0, true, true}},
		"argument":               {"# syntax=docker/dockerfile:1\n", map[string]string{SyntaxArg: "acme/other:1 debug"}, result{"acme/other:1", 0, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := SyntaxOf([]byte(test.text), test.args)
			if diff := cmp.Diff(test.want, result{s.Image, s.Line, s.Docker(), s.Embedded()}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

const family = `ARG BASE=alpine
ARG VERSION
ARG FULL=${BASE}:${VERSION}
FROM ${FULL} AS build
ARG COMMIT
ARG BASE
COPY --from=acme/tools:1 /a /a
FROM build AS Release
COPY --from=0 /a /a
COPY --from=build /a /a
COPY --from=last /a /a
FROM scratch AS last
COPY --from=${NOTHING} /a /a
`

func TestFile(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(family))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"build", "release", "last"}, f.Stages()); diff != "" {
		t.Errorf("stages -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"BASE", "COMMIT", "FULL", "VERSION"}, f.Args()); diff != "" {
		t.Errorf("arguments -want +got:\n%s", diff)
	}
	for target, want := range map[string]bool{"build": true, "RELEASE": true, "0": false, "relaese": false} {
		if got := f.HasStage(target); got != want {
			t.Errorf("stage %s: got %v, want %v", target, got, want)
		}
	}
	want := []Base{{"debian:12", 4}, {"acme/tools:1", 7}}
	if diff := cmp.Diff(want, f.Bases(map[string]string{"BASE": "debian", "VERSION": "12"})); diff != "" {
		t.Errorf("bases -want +got:\n%s", diff)
	}
}

func TestPredefined(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]bool{
		"HTTP_PROXY": true, "https_proxy": true, "SOURCE_DATE_EPOCH": true, "source_date_epoch": false,
		"BUILDKIT_INLINE_CACHE": true, "TARGETARCH": true, "VERSION": false, "MY_PROXY": false,
	} {
		if got := Predefined(arg); got != want {
			t.Errorf("%s: got %v, want %v", arg, got, want)
		}
	}
}
