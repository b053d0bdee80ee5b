package chart

import (
	"slices"
)

// An ImageRef is an image by repository and tag.
type ImageRef struct {
	Repository string
	Tag        string
}

func (r ImageRef) String() string { return r.Repository + ":" + r.Tag }

// Desired is a release as it should be. Values are layered: the chart's own,
// then ValuesFiles in order, then Images, then Set. A later layer wins.
type Desired struct {
	// Name and Namespace are needed by Check and Render. A Client uses those
	// of its Target.
	Name      string
	Namespace string

	Chart       string   // path of the chart's directory or archive
	ValuesFiles []string // paths

	// Images are keyed by values path, like "services.auth.image". Where the
	// chart's default there is a string, the image is set as one string, else
	// as the keys repository and tag.
	Images map[string]ImageRef

	Set        []string // in the syntax of helm's --set: "a.b=1,c[0]=x"
	MaxHistory int      // revisions to keep; 0 means 10
	Commit     string   // of the checkout; becomes a label; may be empty
}

func (d Desired) imagePaths() []string {
	paths := make([]string, 0, len(d.Images))
	for path := range d.Images {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
