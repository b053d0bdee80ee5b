package deploy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

// inspectServer is a Docker engine that only inspects images.
type inspectServer struct {
	inspections atomic.Int32
	missing     atomic.Bool
}

func (s *inspectServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.41")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case strings.HasSuffix(r.URL.Path, "/version"):
		fmt.Fprint(w, `{"Version":"28.1","Os":"linux","Arch":"amd64"}`)
	case strings.HasSuffix(r.URL.Path, "/json"):
		s.inspections.Add(1)
		if s.missing.Load() {
			http.Error(w, `{"message":"no such image"}`, http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"Id":"sha256:0a1b","Os":"linux","Architecture":"amd64"}`)
	default:
		http.Error(w, r.URL.Path, http.StatusNotImplemented)
	}
}

// shopSession returns a session with three images.
func shopSession(t *testing.T) (*Session, *inspectServer) {
	t.Helper()
	server := &inspectServer{}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	host := "tcp://" + listening.Listener.Addr().String()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"} {
		t.Setenv(name, "") // Session.Engine sets them
	}
	w := &Workspace{Config: &config.Config{
		Images: map[string]config.Image{
			"db":  {Source: config.Source{Ref: "registry.example.com/db:1"}},
			"web": {Source: config.Source{Ref: "registry.example.com/web:1"}},
		},
		Verify: config.Verify{Image: config.Source{Ref: "registry.example.com/probe:1"}},
	}}
	return NewSessionWithEngine(w, func(ctx context.Context) (*engine.Engine, error) {
		return engine.Connect(ctx, engine.Options{ConfigDir: t.TempDir(), Getenv: func(name string) string {
			return map[string]string{"DOCKER_HOST": host}[name]
		}})
	}), server
}

func names(t *testing.T, s *Session) []string {
	t.Helper()
	all, err := s.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, image := range all {
		names = append(names, image.Name)
	}
	return names
}

func TestSession_Images(t *testing.T) {
	t.Run("concurrent stages share one read", func(t *testing.T) {
		s, server := shopSession(t)
		var stages sync.WaitGroup
		for range 5 {
			stages.Go(func() {
				if _, err := s.Images(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		stages.Wait()
		if diff := cmp.Diff([]string{"db", "web", probeRepository}, names(t, s)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got := server.inspections.Load(); got != 3 {
			t.Errorf("got %d inspections, want 3", got)
		}
	})

	t.Run("returns the images that the build stage observed", func(t *testing.T) {
		s, server := shopSession(t)
		if _, err := s.observeImages(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.missing.Store(true) // a change after the observation
		names(t, s)
		if ref, err := s.probeRef(t.Context()); err != nil || ref != "registry.example.com/probe:1" {
			t.Errorf("got probe image %q, %v", ref, err)
		}
		if got := server.inspections.Load(); got != 3 {
			t.Errorf("got %d inspections, want 3", got)
		}
	})

	t.Run("reads again after an invalidation", func(t *testing.T) {
		s, server := shopSession(t)
		names(t, s)
		s.Invalidate(Checkout)
		names(t, s)
		if got := server.inspections.Load(); got != 6 {
			t.Errorf("got %d inspections, want 6", got)
		}
	})

	t.Run("reads again after an error", func(t *testing.T) {
		s, server := shopSession(t)
		server.missing.Store(true)
		if _, err := s.Images(t.Context()); err == nil {
			t.Error("got no error for a missing image")
		}
		server.missing.Store(false)
		names(t, s)
	})

	t.Run("forgets earlier images if the build stage finds a missing one", func(t *testing.T) {
		s, server := shopSession(t)
		names(t, s)
		server.missing.Store(true)
		status, err := s.observeImages(t.Context())
		if err != nil || len(status.Missing()) != 3 {
			t.Fatalf("got %v, %v, want three missing images", status, err)
		}
		if _, err := s.Images(t.Context()); err == nil {
			t.Error("got the images of the earlier read, want an error")
		}
	})
}

func TestSession_probeRef(t *testing.T) {
	s, server := shopSession(t)
	for range 2 {
		if ref, err := s.probeRef(t.Context()); err != nil || ref != "registry.example.com/probe:1" {
			t.Errorf("got probe image %q, %v", ref, err)
		}
	}
	if got := server.inspections.Load(); got != 1 {
		t.Errorf("got %d inspections, want 1: the app's images are not needed", got)
	}
}

func TestSession_CheckContexts(t *testing.T) {
	for _, name := range []string{"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"} {
		t.Setenv(name, "") // Session.Engine sets them
	}
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{
		"Dockerfile":      "FROM scratch\nARG TARGETARCH\nCOPY dist/$TARGETARCH /app\n",
		"dist/amd64/app":  "",
		"dist/arm64/app":  "",
		"dist/arm64/.env": "DB_PASSWORD=hunter2",
	})
	w := &Workspace{Config: &config.Config{Images: map[string]config.Image{
		"web": {Repository: "acme/web", Build: &config.Build{Context: dir, Dockerfile: dir + "/Dockerfile"}},
	}}}
	for _, test := range []struct{ arch, want string }{{"amd64", ""}, {"arm64", "dist/arm64/.env is an environment file"}} {
		t.Run("reads the files for an engine of "+test.arch, func(t *testing.T) {
			f := enginetest.New(t)
			f.Arch = test.arch
			s := NewSessionWithEngine(w, func(ctx context.Context) (*engine.Engine, error) {
				return engine.Connect(ctx, engine.Options{ConfigDir: t.TempDir(), Getenv: f.Getenv})
			})
			err := s.CheckContexts(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
