package nodeload

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func fakeLoader(t *testing.T, f *enginetest.Fake) *Loader {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return NewLoader(e, Options{TempDir: t.TempDir()})
}
