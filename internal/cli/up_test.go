package cli

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

func TestInvocation_dryRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		json bool
		want string
	}{
		"text": {false, "STAGE   ACTION   REASON\nbuild   run      not built yet\n"},
		"JSON": {true, `{
  "environment": "dev",
  "stages": [
    {
      "id": "build",
      "action": "run",
      "reason": "not built yet"
    }
  ]
}
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			i := &invocation{
				session: deploy.NewSession(&deploy.Workspace{EnvName: "dev"}), options: runOptions{json: test.json},
				streams: Streams{Out: &out},
			}
			if err := i.dryRun(t.Context(), ending(t, deploy.StageBuild, nil)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
