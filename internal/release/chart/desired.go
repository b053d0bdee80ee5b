package chart

import (
	"slices"
	"strings"
)

// ImageRef is an image by repository and tag. Joined by a colon, they are its reference,
// which may have a digest.
type ImageRef struct {
	Repository string
	Tag        string
}

func (r ImageRef) String() string { return r.Repository + ":" + r.Tag }

// valueFor returns the value in the form of the chart's own.
func (r ImageRef) valueFor(own any) any {
	switch own := own.(type) {
	case string:
		return r.String()
	case map[string]any:
		if _, takesDigest := own["digest"]; takesDigest {
			return r.withDigest()
		}
	}
	return map[string]any{"repository": r.Repository, "tag": r.Tag}
}

// withDigest separates the digest. Without a tag, the chart keeps its own.
func (r ImageRef) withDigest() map[string]any {
	name, digest, _ := strings.Cut(r.String(), "@")
	value := map[string]any{"repository": name, "digest": digest}
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		value["repository"], value["tag"] = name[:i], name[i+1:]
	}
	return value
}

// Desired is the desired state of a release. The chart's own values, ValuesFiles, Images
// and Set are layered in this order; later ones win.
type Desired struct {
	// A release Client sets both.
	Name      string
	Namespace string

	Chart       string // directory or archive
	ValuesFiles []string

	// Images is keyed by values path, such as "services.auth.image". An image is a string
	// if the chart's default is one, otherwise a map with repository and tag.
	Images map[string]ImageRef

	// Local are references that no registry has: images that tkdeploy builds.
	Local []string

	Set        []string // as in helm --set: "a.b=1,c[0]=x"
	MaxHistory int      // revisions to keep; 0 means 10
	Commit     string   // recorded with the revision; may be empty
}

func (d Desired) imagePaths() []string {
	paths := make([]string, 0, len(d.Images))
	for path := range d.Images {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
