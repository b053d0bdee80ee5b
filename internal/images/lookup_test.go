package images

import (
	"testing"

	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestRebuiltRef(t *testing.T) {
	t.Parallel()
	const ref = "docker.io/library/web:0123456789ab"
	rebuilt := map[string]string{inputs.LabelRebuild: "692c"}
	for name, test := range map[string]struct {
		labels map[string]string
		tags   []string
		want   string
	}{
		"built once":                {nil, []string{"web:0123456789ab"}, ref},
		"built again":               {rebuilt, []string{"web:0123456789ab", "web:0123456789ab-692c"}, ref + "-692c"},
		"built again, name removed": {rebuilt, []string{"web:0123456789ab"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := &dockerspec.DockerOCIImageConfig{}
			config.Labels = test.labels
			if got := rebuiltRef(ref, &image.InspectResponse{RepoTags: test.tags, Config: config}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
