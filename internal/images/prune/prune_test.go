package prune

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	gocmp "github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func connect(t *testing.T, f *enginetest.Fake) *engine.Engine {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// tagOf returns the tag of the n-th build.
func tagOf(n int) string { return fmt.Sprintf("%012x", n) }

// add adds the n-th build of an image, which was tagged at a time.
func add(t *testing.T, f *enginetest.Fake, project, name string, n int, tagged time.Time, tags ...string) string {
	t.Helper()
	ref := name + ":" + tagOf(n)
	labels := map[string]string{inputs.LabelInputs: tagOf(n) + strings.Repeat("0", 52), inputs.LabelName: name}
	if project != "" {
		labels[inputs.LabelProject] = project
	}
	f.Lists.Images = append(f.Lists.Images, image.Summary{
		ID: "sha256:" + ref, RepoTags: append([]string{ref}, tags...), Labels: labels, Size: int64(100 + n), SharedSize: 40,
	})
	text, err := json.Marshal(image.InspectResponse{ID: "sha256:" + ref, Metadata: image.Metadata{LastTagTime: tagged}})
	enginetest.NoError(t, err)
	enginetest.WriteFiles(t, f.Dir, map[string]string{filepath.Base(ref): string(text)})
	return ref
}

func TestFind(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	f.APIVersion = "1.44"
	old := now.Add(-time.Hour)
	add(t, f, "shop", "web", 1, old)
	kept := add(t, f, "shop", "web", 2, old)
	add(t, f, "shop", "web", 3, now.Add(-time.Minute))
	add(t, f, "shop", "web", 4, old, "registry.example/web:1.0")
	add(t, f, "shop", "api", 5, old)
	add(t, f, "blog", "web", 6, old)
	add(t, f, "", "web", 7, old)
	f.Lists.Images = append(f.Lists.Images,
		image.Summary{ID: "sha256:user", RepoTags: []string{"mine:1"}},
		image.Summary{ID: "sha256:retagged", RepoTags: []string{"web:stable"}, Labels: f.Lists.Images[0].Labels},
		image.Summary{ID: "sha256:untagged", Labels: f.Lists.Images[0].Labels})
	got, err := Find(t.Context(), connect(t, f), "shop", map[string]bool{engine.FullRef(kept): true}, now)
	enginetest.NoError(t, err)
	want := Found{
		Unused: []Image{{"api:" + tagOf(5), 65}, {"web:" + tagOf(1), 61}, {"web:" + tagOf(4), 0}},
		Recent: 1, Older: 1,
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFind_withoutSharedSizes(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	add(t, f, "shop", "web", 100, now.Add(-time.Hour))
	f.Lists.Images[0].SharedSize = -1
	got, err := Find(t.Context(), connect(t, f), "shop", nil, now)
	if err != nil || len(got.Unused) != 1 || got.Unused[0].Size != 100 {
		t.Errorf("got %+v, %v, want the size without the shared layers", got, err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	f.Lists.InUse = []string{"web:used"}
	e := connect(t, f)
	for ref, want := range map[string]bool{"web:used": false, "web:unused": true} {
		if got, err := Remove(t.Context(), e, ref); got != want || err != nil {
			t.Errorf("%s: got %t, %v, want %t", ref, got, err, want)
		}
	}
}

func TestWarning(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	f.APIVersion = "1.44"
	add(t, f, "shop", "web", 1, now)
	add(t, f, "blog", "web", 2, now)
	f.Lists.Images[1].Size = 2 * Limit
	e := connect(t, f)
	if got := Warning(t.Context(), e, "shop"); got != "" {
		t.Errorf("got %q for a small image, want nothing", got)
	}
	f.Lists.Images[0].Size = Limit + 40
	if got := Warning(t.Context(), e, "shop"); !strings.Contains(got, "project shop use 10GiB") || !strings.Contains(got, "tkdeploy prune --dry-run") {
		t.Errorf("got %q, want the size and the command", got)
	}
	f.Lists.Images[0].SharedSize = -1
	if got := Warning(t.Context(), e, "shop"); got != "" {
		t.Errorf("got %q without shared sizes, want nothing", got)
	}
}

func TestClusters(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	node := func(cluster, source, destination string) container.Summary {
		return container.Summary{Labels: map[string]string{"io.x-k8s.kind.cluster": cluster}, Mounts: []container.MountPoint{{Source: source, Destination: destination}}}
	}
	f.Lists.Containers = []container.Summary{
		node("shop-dev", "/state/clusters/shop-dev/owner", "/etc/tkdeploy/shop/dev"),
		node("shop-dev", "/state/clusters/shop-dev/owner", "/etc/tkdeploy/shop/dev"),
		node("shop-ci", "/host_mnt/state/clusters/shop-ci/owner", "/etc/tkdeploy/shop/ci"),
		node("kind", "/var", "/var"),
	}
	got, err := Clusters(t.Context(), connect(t, f))
	enginetest.NoError(t, err)
	want := []Cluster{
		{"shop-dev", "shop/dev", "/state/clusters/shop-dev"}, {"shop-ci", "shop/ci", "/state/clusters/shop-ci"}, {"kind", "", ""},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
