package enginetest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// Lists are what the engine lists. Images that are only inspected need not be in it.
type Lists struct {
	Images     []image.Summary
	Containers []container.Summary
	InUse      []string // references that cannot be removed
	Removed    []string // references
}

// AddBuilt lists and serves an image with a tag and labels.
func (f *Fake) AddBuilt(t *testing.T, ref string, labels map[string]string) {
	t.Helper()
	id := "sha256:" + ref[strings.LastIndex(ref, ":")+1:]
	f.Lists.Images = append(f.Lists.Images, image.Summary{ID: id, RepoTags: []string{ref}, Size: 100, Labels: labels})
	f.AddImage(t, ref, id, nil)
}

// AddContainer lists a container with labels and a mount.
func (f *Fake) AddContainer(labels map[string]string, source, destination string) {
	f.Lists.Containers = append(f.Lists.Containers, container.Summary{
		Labels: labels, Mounts: []container.MountPoint{{Source: source, Destination: destination}},
	})
}

// serveList serves lists of images and containers, and refuses to remove used images. It
// reports whether it has responded.
func (f *Fake) serveList(w http.ResponseWriter, r *http.Request, path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ref := strings.TrimPrefix(path, "/images/")
	switch {
	case path == "/images/json":
		wanted, _ := filters.FromJSON(r.URL.Query().Get("filters"))
		found := []image.Summary{}
		for _, i := range f.Lists.Images {
			if wanted.MatchKVList("label", i.Labels) {
				found = append(found, i)
			}
		}
		Respond(w, http.StatusOK, found)
	case path == "/containers/json":
		Respond(w, http.StatusOK, append([]container.Summary{}, f.Lists.Containers...))
	case path == "/system/df":
		all := slices.Clone(f.Lists.Images)
		for i := range all {
			all[i].SharedSize = all[i].Size / 2
		}
		Respond(w, http.StatusOK, map[string]any{"Images": all})
	case r.Method == http.MethodDelete && slices.Contains(f.Lists.InUse, ref):
		Respond(w, http.StatusConflict, map[string]string{"message": "image is being used by running container 1"})
	case r.Method == http.MethodDelete && strings.HasPrefix(path, "/images/"):
		f.Lists.Removed = append(f.Lists.Removed, ref)
		return false
	default:
		return false
	}
	return true
}
