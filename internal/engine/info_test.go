package engine

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestEngine_Info(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	got, err := connect(t, f).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.ClockSkew < 9*time.Minute || got.ClockSkew > 11*time.Minute {
		t.Errorf("got clock skew %s, want about 10m", got.ClockSkew)
	}
	got.ClockSkew = 0
	want := Info{
		Version: "20.10.24", Endpoint: "unix://" + f.Socket + " (DOCKER_HOST)", Driver: "overlayfs", Containerd: true,
		Cgroup: "2", Rootless: true, CPUs: 2, Memory: 4 << 30, Root: "/data/docker",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Info() differs (-want +got):\n%s", diff)
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		engine string
		want   time.Duration
	}{
		"within the request": {"2026-11-24T08:00:01.5Z", 0},
		"ahead":              {"2026-11-24T08:10:01Z", 10 * time.Minute},
		"behind":             {"2026-11-24T07:50:01Z", -10 * time.Minute},
		"another time zone":  {"2026-11-24T09:00:01+01:00", 0},
		"no time reported":   {"", 0},
	} {
		if got := skew(test.engine, sent, sent.Add(2*time.Second)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestFreeSpace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, err := FreeSpace(dir)
	if err != nil || parent == 0 {
		t.Fatalf("existing directory: got %d, %v, want free space", parent, err)
	}
	if free, err := FreeSpace(filepath.Join(dir, "a", "b")); err != nil || free == 0 {
		t.Errorf("missing directory: got %d, %v, want free space", free, err)
	}
}
