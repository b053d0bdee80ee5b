package images

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestBuilder_buildError(t *testing.T) {
	t.Parallel()
	t.Run("names a full disk", func(t *testing.T) {
		t.Parallel()
		b := fakeBuilder(t, enginetest.New(t))
		for _, text := range []string{"RUN go build: write /out: no space left on device", "RUN make: exit code: 1\n  cat: write error: No space left on device"} {
			err := b.buildError(t.Context(), "auth", errors.New(text))
			if hint := fault.HintOf(err); !strings.Contains(hint, "(/data/docker) is full") || fault.ClassOf(err) != fault.Build {
				t.Errorf("got class %q and hint %q, want class %q and the full disk", fault.ClassOf(err), hint, fault.Build)
			}
		}
	})
}

func TestFrontendAttrs(t *testing.T) {
	t.Parallel()
	proxies := map[string]string{"HTTP_PROXY": "http://config", "http_proxy": "http://config", "NO_PROXY": "a", "no_proxy": "a"}
	for name, test := range map[string]struct {
		args map[string]string
		want map[string]string
	}{
		"proxies of Docker's config": {nil, map[string]string{
			"HTTP_PROXY": "http://config", "http_proxy": "http://config", "NO_PROXY": "a", "no_proxy": "a",
		}},
		"own argument wins in both spellings": {map[string]string{"http_proxy": "http://own"}, map[string]string{
			"http_proxy": "http://own", "NO_PROXY": "a", "no_proxy": "a",
		}},
		"empty argument wins": {map[string]string{"HTTP_PROXY": "", "NO_PROXY": ""}, map[string]string{"HTTP_PROXY": "", "NO_PROXY": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for name, value := range frontendAttrs(job{build: inputs.Build{Args: test.args}}, proxies) {
				if arg, found := strings.CutPrefix(name, "build-arg:"); found {
					got[arg] = value
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMasker(t *testing.T) {
	t.Parallel()
	mask := masker(nil, engine.ProxySecrets(map[string]string{"HTTP_PROXY": "http://me:hunter22@proxy:1"}))
	if got, want := mask("http_proxy=http://me:hunter22@proxy:1"), "http_proxy=http://***proxy:1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
