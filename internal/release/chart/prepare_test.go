package chart

import (
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	t.Run("applies the layers in order", func(t *testing.T) {
		t.Parallel()
		dir := releasetest.WriteFiles(t, map[string]string{
			"1.yaml": "services: {auth: {port: 1, replicas: 1, image: {tag: one}}}\n",
			"2.yaml": "services: {auth: {port: 2, image: {tag: two}}}\n",
		})
		p, err := Prepare(Desired{
			Chart:       "testdata/chart",
			ValuesFiles: []string{filepath.Join(dir, "1.yaml"), filepath.Join(dir, "2.yaml")},
			Images:      map[string]ImageRef{"services.auth.image": {Repository: "r", Tag: "image"}},
			Set:         []string{"services.auth.image.tag=set"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]any{
			"services.auth.port":             float64(2),
			"services.auth.replicas":         float64(1),
			"services.auth.image.tag":        "set",
			"services.auth.image.repository": "r",
		} {
			if got := Lookup(p.values, strings.Split(path, ".")); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
	})
}

func TestPrepared_Fingerprint(t *testing.T) {
	t.Parallel()
	fingerprint := func(d Desired) string {
		p, err := Prepare(d)
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.Fingerprint()
		if err != nil || len(f) != 40 {
			t.Fatal(f, err)
		}
		return f
	}
	base := fingerprint(shop())
	same, other := shop(), shop()
	same.Commit, same.MaxHistory = "abc", 3
	if fingerprint(same) != base {
		t.Error("got another fingerprint for another commit, want the same")
	}
	other.Namespace = "elsewhere"
	if fingerprint(other) == base {
		t.Error("got the same fingerprint for another namespace, want another")
	}
	other = shop()
	other.Set = []string{"services.auth.port=1"}
	if fingerprint(other) == base {
		t.Error("got the same fingerprint for another value, want another")
	}
}
