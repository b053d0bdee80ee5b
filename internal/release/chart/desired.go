package chart

import (
	"slices"

	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
)

// ImageRef is an image by repository and tag.
type ImageRef = values.Image

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
	Strict     *bool    // as in [values.Rules]
	Open       []string // as in [values.Rules]
	Cluster    Cluster  // for rendering without it
	SkipTests  []string // names of test hooks that never run; * matches any characters
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
