package values

import "strings"

// Image is an image by repository and tag. Joined by a colon, they are its reference,
// which may have a digest.
type Image struct {
	Repository string
	Tag        string
}

func (i Image) String() string { return i.Repository + ":" + i.Tag }

// valueFor returns the value in the form of the chart's own.
func (i Image) valueFor(own any) any {
	switch own := own.(type) {
	case string:
		return i.String()
	case map[string]any:
		if _, takesDigest := own["digest"]; takesDigest {
			return i.withDigest()
		}
	}
	return map[string]any{"repository": i.Repository, "tag": i.Tag}
}

// withDigest separates the digest. Without a tag, the chart keeps its own.
func (i Image) withDigest() map[string]any {
	name, tag, digest := i.Parts()
	value := map[string]any{"repository": name, "digest": digest}
	if tag != "" {
		value["tag"] = tag
	}
	return value
}

// Parts splits the reference. The tag or the digest may be "".
func (i Image) Parts() (name, tag, digest string) {
	name, digest, _ = strings.Cut(i.String(), "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name, tag = name[:colon], name[colon+1:]
	}
	return name, tag, digest
}
