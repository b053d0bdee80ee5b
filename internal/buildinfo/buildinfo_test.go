package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const commit = "b7f0683a1b2c3d4e5f60718293a4b5c6d7e8f901"
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-11-30T20:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}
	for name, test := range map[string]struct {
		module   string
		settings []debug.BuildSetting
		linker   string
		want     Info
	}{
		"takes the version of the linker":      {"v0.0.0-20261130200000-b7f0683a1b2c+dirty", vcs, "v1.2.3", Info{Version: "v1.2.3", Commit: commit, Date: "2026-11-30T20:00:00Z", Modified: true}},
		"takes the module's version":           {"v1.2.3", nil, "", Info{Version: "v1.2.3"}},
		"takes the commit of a pseudo-version": {"v1.2.4-0.20261130200000-b7f0683a1b2c", nil, "", Info{Version: "v1.2.4-0.20261130200000-b7f0683a1b2c", Commit: "b7f0683a1b2c", Date: "2026-11-30T20:00:00Z"}},
		"is dev without version":               {"(devel)", vcs, "", Info{Version: "dev", Commit: commit, Date: "2026-11-30T20:00:00Z", Modified: true}},
		"is dev without any build information": {"", nil, "", Info{Version: "dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.Go, test.want.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
			got := read(&debug.BuildInfo{Main: debug.Module{Version: test.module}, Settings: test.settings}, test.linker)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLibraries(t *testing.T) {
	t.Parallel()
	got := libraries(&debug.BuildInfo{Deps: []*debug.Module{
		{Path: "helm.sh/helm/v3", Version: "v3.22.0", Replace: &debug.Module{Path: "example.com/helm", Version: "v3.22.1"}},
		{Path: "example.com/other", Version: "v1.0.0"},
		{Path: "sigs.k8s.io/kind", Version: "v0.33.0"},
	}})
	if diff := cmp.Diff([]Library{{"kind", "v0.33.0"}, {"Helm", "v3.22.1"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
