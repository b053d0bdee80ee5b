package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
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

// write lays out an app around text and gives the path of its tkdeploy.yaml.
func write(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"web/Dockerfile": "FROM scratch\n", "chart/Chart.yaml": "name: shop\n", "chart/values.yaml": "{}\n", FileName: text,
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

func TestLoadReadsAWholeFile(t *testing.T) {
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
		t.Errorf("ports %v", ports)
	}
	if got := c.Images["web"].Build.Args["A"]; got != "1" {
		t.Errorf("argument A is %q", got)
	}
	if got := c.Images["db"].Ref; got != "postgres:17" {
		t.Errorf("db is %q", got)
	}
	if got := c.Path("chart"); got != filepath.Join(c.Dir, "chart") {
		t.Errorf("paths are relative to the file, got %s", got)
	}
}

func TestLoadTellsEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		replace, with string
		want          []string // "line:column: text", in order
	}{
		"an unknown key, with the nearest known one": {
			"repository: shop-web", "reposiory: shop-web",
			[]string{`5:5: unknown key "reposiory" (did you mean "repository"?)`},
		},
		"a duplicate key": {
			"name: shop\n", "name: shop\nname: shop\n",
			[]string{`3:1: duplicate key "name": it is already in line 2`},
		},
		"a scalar where a map belongs": {
			"chart: {path: chart, release: shop, namespace: shop, values: [chart/values.yaml]}", "chart: chart",
			[]string{"13:8: "},
		},
		"several at once": {
			"repository: shop-web\n    build: {context: web,", "repository: shop-web:1\n    build: {context: wep,",
			[]string{"5:5: image web: repository has no tag", "6:13: there is no folder wep"},
		},
		"a tag that names no version": {
			"ref: postgres:17", "ref: postgres:latest",
			[]string{"9:5: ref postgres:latest: name a version"},
		},
		"both a build and a reference": {
			"ref: postgres:17", "ref: postgres:17\n    build: {context: web}",
			[]string{"8:3: image db: exactly one of build and ref is needed"},
		},
		"a port that is none": {
			`"4000:30400"`, `"4000:x"`,
			[]string{`16:`},
		},
		"a file that is not there": {
			"values: [chart/values.yaml]", "values: [chart/nope.yaml]",
			[]string{"13:54: there is no chart/nope.yaml"},
		},
		"diagnostics that name no folder": {
			"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostics: ''\n",
			[]string{"16:5: diagnostics names no folder"},
		},
		"diagnostics in what is a file": {
			"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostics: web/Dockerfile\n",
			[]string{"16:5: diagnostics: web/Dockerfile is no folder"},
		},
		"a misspelt setting of an environment": {
			"environments:\n  dev:\n", "environments:\n  dev:\n    diagnostic: out\n",
			[]string{`16:5: unknown key "diagnostic" (did you mean "diagnostics"?)`},
		},
		"an allowed path that is not in the context, or not there": {
			"{context: web,", "{context: web, allow: [chart, web, web/nope.pem],",
			[]string{
				"6:27: build.allow: chart is not a file or folder in the context web",
				"6:27: build.allow: web is not a file or folder in the context web", "6:27: there is no web/nope.pem",
			},
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
}

func TestEnvListsTheKnownEnvironments(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, valid))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Env("prod"); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) != "the environments are: dev" {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}

func TestFindLooksInTheFoldersAbove(t *testing.T) {
	t.Parallel()
	path := write(t, valid)
	found, err := Find(filepath.Join(filepath.Dir(path), "chart"))
	if err != nil || found != path {
		t.Errorf("got %s, %v", found, err)
	}
	if _, err := Find(t.TempDir()); fault.ClassOf(err) != fault.Config {
		t.Errorf("got %v", err)
	}
}

func TestTheProjectsOwnFileIsValid(t *testing.T) {
	t.Parallel()
	if _, err := Load("../../" + FileName); err != nil {
		t.Error(err)
	}
}
