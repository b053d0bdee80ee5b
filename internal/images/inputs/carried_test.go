package inputs

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestCarriedIn(t *testing.T) {
	t.Parallel()
	project := map[string]string{
		".git/HEAD": "ref", "tkdeploy.yaml": "x", "chart/values.yaml": "x", "values/dev.yaml": "x", "main.go": "x", "Dockerfile": "FROM scratch\nCOPY . .\n",
	}
	with := func(name, content string) map[string]string {
		files := map[string]string{name: content}
		for known, text := range project {
			if known != name {
				files[known] = text
			}
		}
		return files
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"the whole context":                 {project, []string{".git", "tkdeploy.yaml", "chart", "values/dev.yaml"}},
		"a Dockerfile that reads few files": {with("Dockerfile", "FROM scratch\nCOPY main.go .\n"), nil},
		"an ignore file":                    {with(".dockerignore", "*.md\n"), nil},
		"an empty ignore file":              {with(".dockerignore", ""), nil},
		"an ignore file of the Dockerfile":  {with("Dockerfile.dockerignore", "*.md\n"), nil},
		"a part of the chart":               {with("Dockerfile", "FROM scratch\nCOPY chart /chart\n"), []string{"chart"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			enginetest.WriteFiles(t, dir, test.files)
			own := []string{filepath.Join(dir, "tkdeploy.yaml"), filepath.Join(dir, "chart"), filepath.Join(dir, "values/dev.yaml"), filepath.Join(dir, "chart/values.yaml"), "/etc/other.yaml"}
			build := Build{Name: "web", Repository: "web", Context: dir}
			other := build
			other.Name = "api"
			got, err := CarriedIn(t.Context(), []Build{build, other}, own)
			enginetest.NoError(t, err)
			var want []Carried
			if test.want != nil {
				want = []Carried{{IgnoreFile: filepath.Join(dir, ".dockerignore"), Lines: test.want, Images: []string{"web", "api"}}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("got a difference (-want +got):\n%s", diff)
			}
			if len(got) > 0 && !strings.HasSuffix(got[0].String(), ".dockerignore: "+strings.Join(test.want, " ")) {
				t.Errorf("got hint %q, want the lines for the file", got[0])
			}

			build.Platform, other.Platform = "linux/amd64", "linux/amd64"
			var snapshots []*Snapshot
			for _, b := range []Build{build, other} {
				id, err := NewLookupCache(nil).Identify(t.Context(), b)
				enginetest.NoError(t, err)
				snapshots = append(snapshots, id.Inputs)
			}
			if diff := cmp.Diff(want, CarriedBy(snapshots, own)); diff != "" {
				t.Errorf("snapshots: got a difference (-want +got):\n%s", diff)
			}
		})
	}
}
