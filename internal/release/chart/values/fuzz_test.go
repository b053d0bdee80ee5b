package values

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
)

// FuzzLayer requires a reproducible result and a known origin of every value.
func FuzzLayer(f *testing.F) {
	var files [][]byte
	for _, name := range []string{"values.yaml", "values-dev.yaml", "values-ci.yaml", "values-prod.yaml"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "chart", name))
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, data)
	}
	f.Add(files[0], files[1], "services.auth.port=1")
	f.Add(files[2], files[3], "a[0].b=c,d={1,2}")
	f.Add([]byte("services: {auth: {image: a}}"), []byte("services: {auth: [1]}"), "services=x")
	f.Add([]byte("a: &a {b: 1}\nc: {<<: *a}"), []byte("a:\n- b\n"), `a\.b=1,c[9]=`)
	c, err := loader.Load("../testdata/chart")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, low, high []byte, set string) {
		layer := func() *Values {
			return Layer(c, Sources{
				Chart:  "chart",
				Files:  []File{{"low.yaml", low}, {"high.yaml", high}},
				Images: map[string]Image{"services.auth.image": {"shop-auth", "2"}},
				Set:    []string{set},
			})
		}
		v, again := layer(), layer()
		if !reflect.DeepEqual(v.problems, again.problems) || !reflect.DeepEqual(asJSON(t, v.config), asJSON(t, again.config)) {
			t.Fatal("second time: got other values")
		}
		for _, problem := range v.problems {
			if problem.Message == "" {
				t.Errorf("got %+v, want a message", problem)
			}
		}
		wantOrigins(t, v, asJSON(t, v.config), nil)
		v.unknownKeys(Rules{})
	})
}

func asJSON(t *testing.T, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	var back any
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func wantOrigins(t *testing.T, v *Values, value any, path []string) {
	if m, ok := value.(map[string]any); ok {
		for key, inner := range m {
			wantOrigins(t, v, inner, append(path[:len(path):len(path)], key))
		}
		return
	}
	if where := origin(v.layers, path); !strings.HasPrefix(where, "in ") {
		t.Errorf("%s: got origin %q, want a layer", strings.Join(path, "."), where)
	}
}
