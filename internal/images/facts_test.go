package images

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	got, err := connectFake(t, f).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.ClockSkew < 9*time.Minute || got.ClockSkew > 11*time.Minute {
		t.Errorf("skew %s", got.ClockSkew)
	}
	got.ClockSkew = 0
	want := Info{
		Version: "20.10.24", Endpoint: "unix://" + f.socket + " (DOCKER_HOST)", Driver: "overlayfs", Containerd: true,
		Cgroup: "2", CPUs: 2, Memory: 4 << 30, Root: "/data/docker",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSkewIsLessTheTimeThatTheQuestionTook(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		engine string
		want   time.Duration
	}{
		"in between":     {"2026-11-24T08:00:01.5Z", 0},
		"ahead":          {"2026-11-24T08:10:01Z", 10 * time.Minute},
		"behind":         {"2026-11-24T07:50:01Z", -10 * time.Minute},
		"another zone":   {"2026-11-24T09:00:01+01:00", 0},
		"no time at all": {"", 0},
	} {
		if got := skew(test.engine, asked, asked.Add(2*time.Second)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestOutsideAsksForWhatIsNotHere(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	f.add(t, "golang:1.26", "sha256:go", nil)
	f.pull = func(w http.ResponseWriter, ref string) {
		switch {
		case strings.Contains(ref, "down.example.com"):
			answer(w, http.StatusInternalServerError, map[string]string{"message": "Get https://down.example.com/v2/: dial tcp: no such host"})
		case strings.Contains(ref, "absent"):
			answer(w, http.StatusNotFound, map[string]string{"message": "manifest unknown"})
		default:
			answer(w, http.StatusOK, map[string]any{"Descriptor": map[string]any{}})
		}
	}
	found, err := fakeBuilder(t, f).CheckRemote(t.Context(), []Source{
		{Name: "go", Ref: "golang:1.26"}, {Name: "pg", Ref: "postgres:17"}, {Name: "again", Ref: "docker.io/library/postgres:17"},
		{Name: "a", Ref: "down.example.com/a:1"}, {Name: "b", Ref: "r.example.com/absent:1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range found {
		text := o.Source.Name + " " + o.Registry
		switch {
		case o.Local:
			text += " here"
		case o.Err != nil:
			text += " " + o.Err.Error()
		}
		got = append(got, text)
	}
	want := "go docker.io here\npg docker.io\n" +
		"a down.example.com down.example.com cannot be reached: Get https://down.example.com/v2/: dial tcp: no such host\n" +
		"b r.example.com r.example.com has no such image, or not for these credentials: manifest unknown"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if len(f.pulled) > 0 {
		t.Errorf("pulled %v", f.pulled)
	}
}

func TestFreeSpaceOfAFolderThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	above, err := FreeSpace(dir)
	if err != nil || above == 0 {
		t.Fatal(above, err)
	}
	if free, err := FreeSpace(filepath.Join(dir, "a", "b")); err != nil || free == 0 {
		t.Error(free, err)
	}
}
