package frontend

import (
	"context"
	"errors"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestCheckCopies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ line, want string }{
		"plain copy":    {"COPY --chmod=644 a /a", ""},
		"exclude":       {"COPY --exclude=*.md . /", "web.Dockerfile:2: --exclude needs a newer Docker engine"},
		"parents":       {"COPY --parents a/b /", "web.Dockerfile:2: --parents needs a newer Docker engine"},
		"symbolic mode": {"ADD --chmod=u=rwx a /a", "web.Dockerfile:2: --chmod with a symbolic mode needs a newer Docker engine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := []byte("FROM scratch\n" + test.line + "\n")
			platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
			converted, err := dockerfile2llb.Dockerfile2LLB(t.Context(), text, dockerfile2llb.ConvertOpt{
				Config: dockerui.Config{}, TargetPlatform: &platform,
				SourceMap: llb.NewSourceMap(nil, "web.Dockerfile", "Dockerfile", text),
			})
			if err != nil {
				t.Fatal(err)
			}
			definition, err := converted.State.Marshal(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for supported, want := range map[bool]string{true: "", false: test.want} {
				err := checkCopies(definition, func(apicaps.CapID) error {
					if supported {
						return nil
					}
					return errors.New("unknown")
				}, "web.Dockerfile")
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("engine with support %t: got %q, want %q", supported, got, want)
				}
			}
		})
	}
}
