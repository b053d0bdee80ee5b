package images

import (
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestBuilder_unreadable(t *testing.T) {
	b := fakeBuilder(t, enginetest.New(t))
	secret := filepath.Join(t.TempDir(), "npm-token")
	filestest.CheckRefused(t, secret, func() error {
		_, err := b.secrets(map[string]inputs.Secret{"npm": {File: secret}})
		return err
	})
	dir := recipe(t, "")
	filestest.CheckRefused(t, filepath.Join(dir, "inputs"), func() error {
		_, err := recipeHash(t.Context(), inputs.NewLookupCache(nil), dir)
		if fault.ClassOf(err) != fault.Config {
			t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Config)
		}
		return err
	})
}
