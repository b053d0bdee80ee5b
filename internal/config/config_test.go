package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

const valid = `apiVersion: tkdeploy.dev/v1
name: shop
images:
  web:
    repository: shop-web
    build: {context: web, args: {A: "1"}}
    values: web.image
  db:
    ref: postgres:17
    values: db.image
bases:
  GO_IMAGE: {ref: "golang:1.26"}
chart: {path: chart, release: shop, namespace: shop, values: [chart/values.yaml]}
environments:
  dev:
    cluster: {kind: {name: shop-dev, image: {ref: "kindest/node:v1.37.0"}, ports: ["4000:30400", 30500]}}
`

// write creates an app and returns the path of its tkdeploy.yaml.
func write(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"web/Dockerfile": "ARG A\nARG VARIANT\nFROM scratch AS server\n", "chart/Chart.yaml": "name: shop\n", "chart/values.yaml": "{}\n", FileName: text,
		"web/testdata/key.pem": "", "recipes/postgres/build": "", "chart/values-dev.yaml": "{}\n", // of testdata/example.yaml
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, FileName)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("reads a complete file", func(t *testing.T) {
		t.Parallel()
		c, err := Load(write(t, valid))
		if err != nil {
			t.Fatal(err)
		}
		env, err := c.Env("dev")
		if err != nil {
			t.Fatal(err)
		}
		ports := env.Cluster.Kind.Ports
		if len(ports) != 2 || ports[0] != (Port{4000, 30400}) || ports[1] != (Port{30500, 30500}) {
			t.Errorf("got ports %v, want 4000:30400 and 30500:30500", ports)
		}
		if got := c.Images["web"].Build.Args["A"]; got != "1" {
			t.Errorf("got argument A %q, want 1", got)
		}
		if got := c.Images["db"].Ref; got != "postgres:17" {
			t.Errorf("got db %q, want postgres:17", got)
		}
		if got := c.Path("chart"); got != filepath.Join(c.Dir, "chart") {
			t.Errorf("got %s, want a path relative to the file", got)
		}
	})

	t.Run("accepts the longest cluster name", func(t *testing.T) {
		t.Parallel()
		if _, err := Load(write(t, strings.Replace(valid, "name: shop-dev", "name: "+strings.Repeat("x", 49), 1))); err != nil {
			t.Error(err)
		}
	})

	t.Run("reports every problem with its position", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			replace, with string
			want          []string // "line:column: text", in order
		}{
			"unknown key with a suggestion": {
				"repository: shop-web", "reposiory: shop-web",
				[]string{`5:5: unknown key "reposiory" (did you mean "repository"?)`},
			},
			"duplicate key": {
				"name: shop\n", "name: shop\nname: shop\n",
				[]string{`3:1: duplicate key "name": already defined in line 2`},
			},
			"scalar instead of a map": {
				"chart: {path: chart, release: shop, namespace: shop, values: [chart/values.yaml]}", "chart: chart",
				[]string{"13:8: "},
			},
			"several problems at once": {
				"repository: shop-web\n    build: {context: web,", "repository: shop-web:1\n    build: {context: wep,",
				[]string{"5:5: image web: repository must not have a tag", "6:13: directory wep not found"},
			},
			"tag latest": {
				"ref: postgres:17", "ref: postgres:latest",
				[]string{"9:5: ref postgres:latest: set a version"},
			},
			"invalid repository and reference": {
				"repository: shop-web\n    build: {context: web, args: {A: \"1\"}}\n    values: web.image\n  db:\n    ref: postgres:17",
				"repository: acme/Web\n    build: {context: web, args: {A: \"1\"}}\n    values: web.image\n  db:\n    ref: postgres:17@sha256:abc",
				[]string{
					`5:5: image web: repository "acme/Web": invalid reference format: repository name (acme/Web) must be lowercase`,
					`9:5: ref "postgres:17@sha256:abc": invalid reference format`,
				},
			},
			"invalid base image": {
				"bases:\n  GO_IMAGE: {ref: \"golang:1.26\"}", "bases:\n  GO_IMAGE: {ref: \"golang:1.26:2\"}",
				[]string{`12:14: ref "golang:1.26:2": invalid reference format`},
			},
			"repository with a digest": {
				"repository: shop-web", "repository: shop-web@sha256:" + strings.Repeat("ab", 32),
				[]string{"5:5: image web: repository must not have a tag"},
			},
			"digest of an image that a recipe builds": {
				"ref: postgres:17", "ref: postgres@sha256:" + strings.Repeat("ab", 32) + "\n    recipe: recipes/postgres",
				[]string{"9:5: ref postgres@sha256:" + strings.Repeat("ab", 32) + ": an image that a recipe builds has no digest"},
			},
			"negative timeout": {
				"name: shop\n", "name: shop\npull: {idleTimeout: -1s}\n",
				[]string{"3:8: pull.idleTimeout must not be negative"},
			},
			"both build and ref": {
				"ref: postgres:17", "ref: postgres:17\n    build: {context: web}",
				[]string{"8:3: image db: exactly one of build and ref is required"},
			},
			"cluster name whose node has 64 characters": {
				"name: shop-dev", "name: " + strings.Repeat("x", 50),
				[]string{"16:22: cluster.kind.name must be at most 49 lower-case letters, digits and dashes: its node NAME-control-plane may have 63"},
			},
			"invalid cluster name": {
				"name: shop-dev", "name: shop_dev",
				[]string{"16:22: cluster.kind.name must be at most 49 lower-case letters, digits and dashes"},
			},
			"invalid port": {
				`"4000:30400"`, `"4000:x"`,
				[]string{`16:`},
			},
			"invalid node image": {
				"kindest/node:v1.37.0", "kindest/Node:v1.37.0",
				[]string{`16:`},
			},
			"missing file": {
				"values: [chart/values.yaml]", "values: [chart/nope.yaml]",
				[]string{"13:54: chart/nope.yaml not found"},
			},
			"empty diagnostics": {
				"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostics: ''\n",
				[]string{"16:5: diagnostics is empty"},
			},
			"negative grace": {
				"environments:\n  dev:\n", "environments:\n  dev:\n    rollout: {crash: -1s}\n",
				[]string{"16:15: rollout.crash must not be negative"},
			},
			"grace without a unit": {
				"environments:\n  dev:\n", "environments:\n  dev:\n    rollout: {crash: 90}\n",
				[]string{"16:22: "},
			},
			"diagnostics is a file": {
				"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostics: web/Dockerfile\n",
				[]string{"16:5: diagnostics: web/Dockerfile is not a directory"},
			},
			"misspelled key of an environment": {
				"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostic: out\n",
				[]string{`16:5: unknown key "diagnostic" (did you mean "diagnostics"?)`},
			},
			"two images with one values path": {
				"values: db.image", "values: web.image",
				[]string{"7:5: image web: values: web.image is also the path of image db"},
			},
			"check with another protocol": {
				"bases:", "verify: {checks: [{name: a, url: \"grpc://u:secret@a:1\"}]}\nbases:",
				[]string{"11:10: verify.checks: entry 1 (a): url must start with http:// or https://, not grpc://"},
			},
			"checks with an invalid port, without a name, twice, and with an invalid status": {
				"bases:", "verify:\n  checks:\n  - {name: a, url: \"http://a:99999\"}\n  - {url: \"http://a\"}\n  - {name: a, url: \"http://a\", status: 1}\n  - {name: b, url: \"http://a\", status: 1}\nbases:",
				[]string{
					"12:3: verify.checks: entry 1 (a): port 99999 must be between 1 and 65535", "12:3: verify.checks: entry 2 (): requires a name",
					"12:3: verify.checks: entry 3 (a): has the name of another check", "12:3: verify.checks: entry 4 (b): status 1 must be between 100 and 599",
				},
			},
			"allowed path outside the context or missing": {
				"{context: web,", "{context: web, allow: [chart, web, web/nope.pem],",
				[]string{
					"6:27: build.allow: chart is not a file or directory in the context web",
					"6:27: build.allow: web is not a file or directory in the context web", "6:27: web/nope.pem not found",
				},
			},
			"both recipe and offline": {
				"ref: postgres:17", "ref: postgres:17\n    recipe: web\n    offline: web",
				[]string{"10:5: web/build not found", "11:5: recipe and offline are the same key"},
			},
			"recipe without a build program": {
				"ref: postgres:17", "ref: postgres:17\n    recipe: web",
				[]string{"10:5: web/build not found"},
			},
			"image of the checks without ref": {
				"chart: {path", "verify: {image: {recipe: web}}\nchart: {path",
				[]string{"13:10: ref is required"},
			},
			"one cluster for two environments": {
				"environments:\n", "environments:\n  zero:\n    cluster: {kind: {name: shop-dev, image: {ref: \"kindest/node:v1.37.0\"}}}\n",
				[]string{"18:22: cluster.kind.name: shop-dev is the cluster of environment zero; a cluster has one owner"},
			},
			"another version of the format": {
				"tkdeploy.dev/v1", "tkdeploy.dev/v9",
				[]string{`1:1: apiVersion must be "tkdeploy.dev/v1"`},
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				path := write(t, strings.Replace(valid, test.replace, test.with, 1))
				_, err := Load(path)
				if fault.ClassOf(err) != fault.Config {
					t.Fatalf("got %v, want a config error", err)
				}
				rest := err.Error()
				for _, want := range test.want {
					_, after, found := strings.Cut(rest, path+":"+want)
					if !found {
						t.Fatalf("got\n%v\nwithout %q", err, want)
					}
					rest = after
				}
			})
		}
	})

	t.Run("accepts the file of this project", func(t *testing.T) {
		t.Parallel()
		if _, err := Load("../../" + FileName); err != nil {
			t.Error(err)
		}
	})

	t.Run("accepts the deprecated key offline", func(t *testing.T) {
		t.Parallel()
		text := strings.NewReplacer(
			"ref: postgres:17", "ref: postgres:17\n    offline: db",
			`{ref: "golang:1.26"}`, `{ref: "golang:1.26", offline: db}`,
			`{ref: "kindest/node:v1.37.0"}`, `{ref: "kindest/node:v1.37.0", offline: db}`,
		).Replace(valid) + "verify: {image: {ref: 'probe:1', offline: db}}\n"
		path := write(t, text)
		if err := os.MkdirAll(filepath.Join(filepath.Dir(path), "db", "build"), 0o700); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, source := range map[string]Source{
			"image": c.Images["db"].Source, "base": c.Bases["GO_IMAGE"],
			"node image": c.Environments["dev"].Cluster.Kind.Image, "image of the checks": c.Verify.Image,
		} {
			if source.Recipe != "db" || source.Offline != "" {
				t.Errorf("%s: got %+v, want recipe db", what, source)
			}
		}
		var places []string
		for _, d := range c.Deprecations {
			places = append(places, fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Message))
		}
		const message = " offline is deprecated: rename it to recipe"
		want := []string{"10:5" + message, "13:34" + message, "17:75" + message, "18:34" + message}
		if diff := cmp.Diff(want, places); diff != "" {
			t.Errorf("deprecations (-want +got):\n%s", diff)
		}
	})
}

func TestLoad_unreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	filestest.CheckRefused(t, path, func() error {
		_, err := Load(path)
		if fault.ClassOf(err) != fault.Config {
			t.Errorf("got class %s, want %s", fault.ClassOf(err), fault.Config)
		}
		return err
	})
}

func TestConfig_Env(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, valid))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Env("prod"); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) != "the environments are: dev" {
		t.Errorf("got %v, hint %q; want a usage error that lists dev", err, fault.HintOf(err))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	path := write(t, valid)
	found, err := Find(filepath.Join(filepath.Dir(path), "chart"))
	if err != nil || found != path {
		t.Errorf("got %s, %v; want %s", found, err, path)
	}
	if _, err := Find(t.TempDir()); fault.ClassOf(err) != fault.Config {
		t.Errorf("got %v, want a config error", err)
	}
}
