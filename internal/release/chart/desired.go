package chart

import (
	"slices"
)

// ImageRef is an image, by repository and tag.
type ImageRef struct {
	Repository string
	Tag        string
}

func (r ImageRef) String() string { return r.Repository + ":" + r.Tag }

// Desired is the desired state of a release. The values are layered: the chart's
// own, ValuesFiles in order, Images, Set. Later layers override earlier ones.
type Desired struct {
	// Check and Render require Name and Namespace. A release Client sets them
	// itself.
	Name      string
	Namespace string

	Chart       string   // path of the chart's directory or archive
	ValuesFiles []string // paths

	// Images is keyed by values path, such as "services.auth.image". If the chart's
	// default at the path is a string, the image is set as a string, otherwise as a
	// map with the keys repository and tag.
	Images map[string]ImageRef

	Set        []string // in the syntax of helm --set: "a.b=1,c[0]=x"
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
