// Package enginetest provides a fake Docker engine and helpers for tests.
package enginetest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Fake serves part of the Docker API. Its images are files in Dir, which
// scripts in tests can create.
type Fake struct {
	Dir        string
	APIVersion string
	OS, Arch   string // default linux and amd64
	Socket     string
	Components []map[string]string               // of /version
	Root       string                            // local classic store; "" for a remote engine
	Archive    func(w io.Writer, names []string) // serves /images/get
	Pull       func(w http.ResponseWriter, ref string)

	Lists Lists

	// Push serves /images/{name}/push. An engine with Push is on this machine. image is
	// the ID that was tagged as ref.
	Push func(w http.ResponseWriter, r *http.Request, ref, image string)

	mu     sync.Mutex
	Pulled []string
	Saves  int
	Loads  [][]byte
	Tags   map[string]string // tagged image IDs by reference
	Untags []string
}

// New starts a fake engine for the test.
func New(t *testing.T) *Fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // socket paths have a length limit
	NoError(t, err)
	f := &Fake{Dir: t.TempDir(), APIVersion: "1.41", Socket: filepath.Join(dir, "docker.sock"), Tags: map[string]string{}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", f.Socket)
	NoError(t, err)
	server := httptest.NewUnstartedServer(f)
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.Close()
		_ = os.RemoveAll(dir)
	})
	return f
}

// Getenv returns DOCKER_HOST and no other variable.
func (f *Fake) Getenv(name string) string {
	if name == "DOCKER_HOST" {
		return "unix://" + f.Socket
	}
	return ""
}

// ServeHTTP implements [http.Handler].
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("API-Version", f.APIVersion)
	path := strings.TrimPrefix(r.URL.Path, "/v"+f.APIVersion)
	switch {
	case path == "/images/json" && f.Push != nil:
		f.serveTags(w)
	case f.serveList(w, r, path):
	case path == "/_ping":
	case path == "/version":
		Respond(w, http.StatusOK, map[string]any{"Version": "20.10.24", "ApiVersion": f.APIVersion, "Os": cmp.Or(f.OS, "linux"), "Arch": cmp.Or(f.Arch, "amd64"), "Components": f.Components})
	case strings.HasPrefix(path, "/images/") && strings.HasSuffix(path, "/tag"):
		f.mu.Lock()
		f.Tags[r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag")] = strings.TrimSuffix(strings.TrimPrefix(path, "/images/"), "/tag")
		f.mu.Unlock()
	case strings.HasPrefix(path, "/images/") && strings.HasSuffix(path, "/push"):
		ref := strings.TrimSuffix(strings.TrimPrefix(path, "/images/"), "/push") + ":" + r.URL.Query().Get("tag")
		f.mu.Lock()
		image := f.Tags[ref]
		f.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body) // a request with an unread body does not end with its connection
		f.Push(w, r, ref, image)
	case strings.HasPrefix(path, "/images/") && strings.HasSuffix(path, "/json"):
		f.serveInspect(w, strings.TrimSuffix(strings.TrimPrefix(path, "/images/"), "/json"))
	case strings.HasPrefix(path, "/images/") && r.Method == http.MethodDelete:
		f.untag(strings.TrimPrefix(path, "/images/"))
		Respond(w, http.StatusOK, []any{})
	case path == "/images/create":
		f.servePull(w, r)
	case path == "/images/get":
		f.mu.Lock()
		f.Saves++
		f.mu.Unlock()
		f.Archive(w, r.URL.Query()["names"])
	case path == "/info":
		Respond(w, http.StatusOK, f.info())
	case strings.HasPrefix(path, "/distribution/"):
		f.Pull(w, strings.TrimSuffix(strings.TrimPrefix(path, "/distribution/"), "/json"))
	case path == "/images/load":
		text, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.Loads = append(f.Loads, text)
		f.mu.Unlock()
		f.load(w, text)
	default:
		Respond(w, http.StatusNotImplemented, map[string]string{"message": "the fake engine does not implement " + r.Method + " " + path})
	}
}

func (f *Fake) info() map[string]any {
	if f.Root != "" {
		host, _ := os.Hostname()
		return map[string]any{"Name": host, "DockerRootDir": f.Root, "Driver": "overlay2"}
	}
	name := "another-host"
	if f.Push != nil {
		name, _ = os.Hostname()
	}
	return map[string]any{
		"ServerVersion": "20.10.24", "Name": name, "DockerRootDir": "/data/docker", "Driver": "overlayfs", "CgroupVersion": "2",
		"SecurityOptions": []string{"name=seccomp,profile=default", "name=rootless"},
		"DriverStatus":    [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}, "NCPU": 2, "MemTotal": 4 << 30,
		"SystemTime": time.Now().Add(10 * time.Minute).Format(time.RFC3339Nano),
	}
}

func (f *Fake) serveTags(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var images []image.Summary
	for ref, id := range f.Tags {
		images = append(images, image.Summary{ID: id, RepoTags: []string{ref}})
	}
	Respond(w, http.StatusOK, images)
}

func (f *Fake) untag(ref string) {
	_ = os.Remove(filepath.Join(f.Dir, imageFile(ref)))
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, tagged := f.Tags[ref]; tagged {
		delete(f.Tags, ref)
		f.Untags = append(f.Untags, ref)
	}
}

func (f *Fake) servePull(w http.ResponseWriter, r *http.Request) {
	ref := r.URL.Query().Get("fromImage") + ":" + r.URL.Query().Get("tag")
	if strings.Contains(r.URL.Query().Get("tag"), ":") { // a digest
		ref = r.URL.Query().Get("fromImage") + "@" + r.URL.Query().Get("tag")
	}
	f.mu.Lock()
	f.Pulled = append(f.Pulled, ref)
	f.mu.Unlock()
	f.Pull(w, ref)
}

func (f *Fake) serveInspect(w http.ResponseWriter, ref string) {
	text, err := os.ReadFile(filepath.Join(f.Dir, imageFile(ref)))
	if err != nil {
		Respond(w, http.StatusNotFound, map[string]string{"message": "No such image: " + ref})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

func (f *Fake) load(w http.ResponseWriter, archive []byte) {
	var manifest []struct{ RepoTags []string }
	files := tar.NewReader(bytes.NewReader(archive))
	for {
		file, err := files.Next()
		if err == nil && file.Name == "manifest.json" {
			err = json.NewDecoder(files).Decode(&manifest)
		}
		if err != nil || manifest != nil {
			break
		}
	}
	for _, i := range manifest {
		for _, ref := range i.RepoTags {
			_ = os.WriteFile(filepath.Join(f.Dir, imageFile(ref)), []byte(`{"Id":"sha256:loaded"}`), 0o600)
		}
	}
	Respond(w, http.StatusOK, map[string]string{"stream": "Loaded"})
}

func imageFile(ref string) string {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		ref = reference.FamiliarString(named)
	}
	return strings.ReplaceAll(ref, "/", "_")
}

// AddImage adds a linux/amd64 image.
func (f *Fake) AddImage(t *testing.T, ref, id string, labels map[string]string, diffIDs ...string) {
	t.Helper()
	config := dockerspec.DockerOCIImageConfig{}
	config.Labels = labels
	f.addImage(t, ref, id, config, diffIDs)
}

// AddImageWithTriggers adds an image with ONBUILD instructions.
func (f *Fake) AddImageWithTriggers(t *testing.T, ref, id string, triggers ...string) {
	t.Helper()
	config := dockerspec.DockerOCIImageConfig{}
	config.OnBuild = slices.DeleteFunc(triggers, func(trigger string) bool { return trigger == "" })
	f.addImage(t, ref, id, config, []string{"sha256:1"})
}

func (f *Fake) addImage(t *testing.T, ref, id string, config dockerspec.DockerOCIImageConfig, diffIDs []string) {
	t.Helper()
	text, err := json.Marshal(image.InspectResponse{
		ID: id, Os: "linux", Architecture: "amd64", Config: &config,
		RootFS: image.RootFS{Type: "layers", Layers: diffIDs},
	})
	NoError(t, err)
	WriteFiles(t, f.Dir, map[string]string{imageFile(ref): string(text)})
}

// Respond writes value as JSON.
func Respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// RefusePull returns a Pull function that fails.
func RefusePull(status int, text string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { Respond(w, status, map[string]string{"message": text}) }
}

// AllowPull returns a Pull function that adds the image.
func (f *Fake) AllowPull(t *testing.T) func(http.ResponseWriter, string) {
	t.Helper()
	return func(w http.ResponseWriter, ref string) {
		f.AddImage(t, ref, "sha256:pulled", nil)
		fmt.Fprintln(w, `{"status":"Pulling from library/x","id":"1"}`)
		fmt.Fprintln(w, `{"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"a"}`)
		fmt.Fprintln(w, `{"status":"Status: Downloaded newer image"}`)
	}
}
