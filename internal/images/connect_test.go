package images

import "testing"

// connectFake connects as the program does.
func connectFake(t *testing.T, f *fakeEngine) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// environment is an environment with these variables only.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func fakeBuilder(t *testing.T, f *fakeEngine) *Builder {
	t.Helper()
	return NewBuilder(connectFake(t, f), BuilderOptions{})
}

func fakeLoader(t *testing.T, f *fakeEngine) *Loader {
	t.Helper()
	return NewLoader(connectFake(t, f), LoaderOptions{TempDir: t.TempDir()})
}
