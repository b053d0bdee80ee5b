package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckLoaded fails unless the node has the images, with the engine's very layers.
func (c *Cluster) CheckLoaded(ctx context.Context, refs []string) error {
	listed, err := c.inNode(ctx, "ctr", "-n", "k8s.io", "images", "ls")
	if err != nil {
		return fmt.Errorf("list the node's images: %w", err)
	}
	targets := map[string]string{}
	for line := range strings.Lines(string(listed)) {
		if fields := strings.Fields(line); len(fields) > 2 {
			targets[fields[0]] = fields[2] // REF TYPE DIGEST
		}
	}
	images := map[string]string{}
	for _, ref := range refs {
		target := targets["docker.io/"+ref]
		if target == "" {
			return fmt.Errorf("the node has no image %s", ref)
		}
		images[ref] = target
	}
	return c.contents(ctx, images)
}

// contents compares layers: those that the node has behind an id with those that
// the engine has under the reference.
func (c *Cluster) contents(ctx context.Context, images map[string]string) error {
	refs := slices.Sorted(maps.Keys(images))
	digests := make([]string, len(refs))
	for i, ref := range refs {
		digests[i] = images[ref][strings.LastIndex(images[ref], "@")+1:] // docker.io/…@sha256:…
	}
	nodeLayers, err := c.layers(ctx, digests)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		layers, err := c.engine(ctx, ref)
		if err != nil {
			return err
		}
		if !slices.Equal(layers, nodeLayers[i]) {
			return fmt.Errorf("image %s: the node has the layers %v, the engine %v", ref, nodeLayers[i], layers)
		}
	}
	return nil
}

// A document is an image's index, manifest or config, with what leads from one
// to the next.
type document struct {
	Manifests []struct {
		Digest   string
		Platform struct{ OS string }
	}
	Config json.RawMessage // a manifest's is a descriptor
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

// next is the digest to go on with, "" at a config.
func (d document) next() string {
	for _, manifest := range d.Manifests {
		if manifest.Platform.OS != "unknown" { // that of an attestation
			return manifest.Digest
		}
	}
	var descriptor struct{ Digest string }
	if len(d.RootFS.DiffIDs) > 0 || json.Unmarshal(d.Config, &descriptor) != nil {
		return ""
	}
	return descriptor.Digest
}

// layers follows each digest down to a config and gives its diff IDs.
func (c *Cluster) layers(ctx context.Context, digests []string) ([][]string, error) {
	layers := make([][]string, len(digests))
	for range 3 { // index, manifest, config
		documents, err := c.read(ctx, digests)
		if err != nil {
			return nil, err
		}
		for i, d := range documents {
			layers[i] = d.RootFS.DiffIDs
			if next := d.next(); next != "" {
				digests[i] = next
			}
		}
	}
	return layers, nil
}

// read reads blobs of the node's content store, in one command.
func (c *Cluster) read(ctx context.Context, digests []string) ([]document, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	script := []string{"sh", "-c", `for d; do ctr -n k8s.io content get "$d" || exit; done`, "sh"}
	text, err := c.inNode(ctx, append(script, digests...)...)
	if err != nil {
		return nil, fmt.Errorf("read images in the node: %w", err)
	}
	documents := make([]document, len(digests))
	decoder := json.NewDecoder(bytes.NewReader(text))
	for i := range documents {
		if err := decoder.Decode(&documents[i]); err != nil {
			return nil, fmt.Errorf("read %s in the node: %w", digests[i], err)
		}
	}
	return documents, nil
}
