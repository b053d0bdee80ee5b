package images

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func connect(t *testing.T, f *enginetest.Fake) *engine.Engine {
	t.Helper()
	e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func fakeBuilder(t *testing.T, f *enginetest.Fake) *Builder {
	t.Helper()
	return NewBuilder(connect(t, f), Options{})
}
