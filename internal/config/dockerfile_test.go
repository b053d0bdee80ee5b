package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const stages = `ARG BASE=alpine
FROM ${BASE}:3 AS build
ARG VERSION
FROM scratch AS release
`

// writeBuild creates an app with the settings of a build and its Dockerfile.
func writeBuild(t *testing.T, build, dockerfile string) string {
	t.Helper()
	path := write(t, strings.Replace(valid, `{context: web, args: {A: "1"}}`, build, 1))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "web/Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_dockerfile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		build, dockerfile string
		problem, warning  string // without the directory
	}{
		"stage":                 {"{context: web, target: build}", stages, "", ""},
		"stage in another case": {"{context: web, target: BUILD}", stages, "", ""},
		"misspelt stage": {
			"{context: web, target: relaese}", stages,
			`tkdeploy.yaml:6:27: target "relaese" is not a stage of web/Dockerfile (did you mean "release"? its stages are: build, release)`, "",
		},
		"no named stages": {
			"{context: web, target: release}", "FROM scratch\n",
			`tkdeploy.yaml:6:27: target "release" is not a stage of web/Dockerfile (name its stages with FROM … AS NAME)`, "",
		},
		"declared arguments":   {`{context: web, args: {VERSION: "1", BASE: debian}}`, stages, "", ""},
		"predefined arguments": {`{context: web, args: {HTTP_PROXY: a, BUILDKIT_INLINE_CACHE: "1", SOURCE_DATE_EPOCH: "0"}}`, stages, "", ""},
		"misspelt argument": {
			`{context: web, args: {VERSIO: "1"}}`, stages, "",
			`tkdeploy.yaml:6:34: argument VERSIO has no effect: no ARG of web/Dockerfile declares it (did you mean "VERSION"?)`,
		},
		"undeclared argument": {
			`{context: web, args: {COMMIT: "1"}}`, stages, "",
			`tkdeploy.yaml:6:34: argument COMMIT has no effect: no ARG of web/Dockerfile declares it`,
		},
		"another frontend":        {`{context: web, target: x, args: {COMMIT: "1"}}`, "# syntax=acme/other:1\nFROM scratch\n", "", ""},
		"Dockerfile with mistake": {`{context: web, target: x, args: {COMMIT: "1"}}`, "FRMO scratch\n", "", ""},
		"image of the same file": {
			"{context: web}", "FROM scratch\nCOPY --from=shop-web:latest /a /a\n",
			"web/Dockerfile:2:1: base image shop-web:latest is image web of tkdeploy.yaml, which cannot be a base of another image (make it a stage of this Dockerfile and start FROM the stage)", "",
		},
		"version of an own image": {"{context: web}", "FROM shop-web:1\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeBuild(t, test.build, test.dockerfile)
			c, err := Load(path)
			problem, warning := "", ""
			if err != nil {
				problem = strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")
			}
			for _, w := range c.Warnings {
				warning += strings.ReplaceAll(w.String(), filepath.Dir(path)+"/", "")
			}
			if diff := cmp.Diff([]string{test.problem, test.warning}, []string{problem, warning}); diff != "" {
				t.Errorf("problem and warning: -want +got:\n%s", diff)
			}
		})
	}
}

func TestLoad_args(t *testing.T) {
	t.Setenv("TKDEPLOY_TEST_SHA", "abc123")
	t.Setenv("TKDEPLOY_TEST_EMPTY", "")
	const dockerfile = "ARG SHA\nARG TKDEPLOY_TEST_SHA\nARG TKDEPLOY_TEST_UNSET\nFROM scratch\n"
	for name, test := range map[string]struct {
		args    string
		want    map[string]string
		problem string
	}{
		"variable":          {`SHA: "v-${TKDEPLOY_TEST_SHA}"`, map[string]string{"SHA": "v-abc123"}, ""},
		"default":           {`SHA: "${TKDEPLOY_TEST_UNSET:-none}${TKDEPLOY_TEST_EMPTY:-!}${TKDEPLOY_TEST_SHA:-none}"`, map[string]string{"SHA": "none!abc123"}, ""},
		"empty variable":    {`SHA: "${TKDEPLOY_TEST_EMPTY}"`, map[string]string{"SHA": ""}, ""},
		"dollar signs":      {`SHA: "$$ $${TKDEPLOY_TEST_SHA} $5 $HOME"`, map[string]string{"SHA": "$ ${TKDEPLOY_TEST_SHA} $5 $HOME"}, ""},
		"no value":          {`TKDEPLOY_TEST_SHA: , TKDEPLOY_TEST_UNSET: `, map[string]string{"TKDEPLOY_TEST_SHA": "abc123"}, ""},
		"empty value":       {`TKDEPLOY_TEST_SHA: ""`, map[string]string{"TKDEPLOY_TEST_SHA": ""}, ""},
		"unset variable":    {`SHA: "${TKDEPLOY_TEST_UNSET}"`, nil, "6:34: args.SHA: variable TKDEPLOY_TEST_UNSET is not set"},
		"unclosed variable": {`SHA: "${TKDEPLOY_TEST_SHA"`, nil, `6:34: args.SHA: "${TKDEPLOY_TEST_SHA" is not a variable`},
		"other expression":  {`SHA: "${TKDEPLOY_TEST_SHA:?no}"`, nil, `6:34: args.SHA: "${TKDEPLOY_TEST_SHA:?no}" is not a variable`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(writeBuild(t, "{context: web, args: {"+test.args+"}}", dockerfile))
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Errorf("got %v, want %s", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.Images["web"].Build.Args); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
