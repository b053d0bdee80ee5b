package inputs

import (
	"context"
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

func TestBuild_unreadable(t *testing.T) {
	b := Build{Name: "web", Repository: "web", Platform: "linux/amd64", Context: t.TempDir()}
	for _, name := range []string{"Dockerfile", ".dockerignore", "Dockerfile.dockerignore"} {
		enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll})
		for read, f := range map[string]func(context.Context) error{
			"CheckContexts": func(ctx context.Context) error { return CheckContexts(ctx, []Build{b}) },
			"Identify":      func(ctx context.Context) error { _, err := NewLookupCache(nil).Identify(ctx, b); return err },
		} {
			t.Run(read, func(t *testing.T) {
				filestest.CheckRefused(t, filepath.Join(b.Context, name), func() error {
					err := f(t.Context())
					if fault.ClassOf(err) != fault.Config {
						t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Config)
					}
					return err
				})
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll})
			})
		}
	}
}
