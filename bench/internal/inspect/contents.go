package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckLoaded fails unless the node has the images with the engine's layers.
func (c *Cluster) CheckLoaded(ctx context.Context, refs []string) error {
	listed, err := c.inNode(ctx, "ctr", "-n", "k8s.io", "images", "ls")
	if err != nil {
		return fmt.Errorf("list images of node: %w", err)
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
			return fmt.Errorf("image %s not found in node", ref)
		}
		images[ref] = target
	}
	return c.checkLayers(ctx, images)
}

// checkLayers compares the node's layers to the engine's. images maps references
// to IDs in the node.
func (c *Cluster) checkLayers(ctx context.Context, images map[string]string) error {
	refs := slices.Sorted(maps.Keys(images))
	digests := make([]string, len(refs))
	for i, ref := range refs {
		digests[i] = images[ref][strings.LastIndex(images[ref], "@")+1:] // docker.io/…@sha256:…
	}
	nodeLayers, err := c.nodeLayers(ctx, digests)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		layers, err := c.engine(ctx, ref)
		if err != nil {
			return err
		}
		if !slices.Equal(layers, nodeLayers[i]) {
			return fmt.Errorf("image %s: node has layers %v, engine has %v", ref, nodeLayers[i], layers)
		}
	}
	return nil
}

// imageDocument is an index, manifest or config.
type imageDocument struct {
	Manifests []struct {
		Digest   string
		Platform struct{ OS string }
	}
	Config json.RawMessage // a descriptor in a manifest
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

// next returns "" if d is a config.
func (d imageDocument) next() string {
	for _, manifest := range d.Manifests {
		if manifest.Platform.OS != "unknown" { // an attestation
			return manifest.Digest
		}
	}
	var descriptor struct{ Digest string }
	if len(d.RootFS.DiffIDs) > 0 || json.Unmarshal(d.Config, &descriptor) != nil {
		return ""
	}
	return descriptor.Digest
}

func (c *Cluster) nodeLayers(ctx context.Context, digests []string) ([][]string, error) {
	layers := make([][]string, len(digests))
	for range 3 { // index, manifest, config
		documents, err := c.readBlobs(ctx, digests)
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

func (c *Cluster) readBlobs(ctx context.Context, digests []string) ([]imageDocument, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	script := []string{"sh", "-c", `for d; do ctr -n k8s.io content get "$d" || exit; done`, "sh"}
	text, err := c.inNode(ctx, append(script, digests...)...)
	if err != nil {
		return nil, fmt.Errorf("read images of node: %w", err)
	}
	documents := make([]imageDocument, len(digests))
	decoder := json.NewDecoder(bytes.NewReader(text))
	for i := range documents {
		if err := decoder.Decode(&documents[i]); err != nil {
			return nil, fmt.Errorf("read %s of node: %w", digests[i], err)
		}
	}
	return documents, nil
}
