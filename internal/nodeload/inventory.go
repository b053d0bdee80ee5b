package nodeload

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Missing is an image that a node has not.
type Missing struct {
	Node  string
	Image engine.Image
}

func (m Missing) String() string { return m.Image.Ref + " on node " + m.Node }

// Stock is what nodes have of images, as they said when they were asked.
type Inventory struct {
	images []engine.Image
	others []string
	nodes  []Node
	have   []nodeInventory // of the node at the same place
}

// Look asks each node once what it has of the images, and of others that the engine
// need not have, by their references. Errors have the class [fault.Load].
func TakeInventory(ctx context.Context, nodes []Node, images []engine.Image, others ...string) (Inventory, error) {
	s := Inventory{images: images, others: others, nodes: nodes, have: make([]nodeInventory, len(nodes))}
	work, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		work.Go(func() (err error) {
			s.have[i], err = takeInventory(ctx, n, images, others)
			return err
		})
	}
	return s, fault.New(fault.Load, work.Wait(), "")
}

// Missing tells which of the images are missing on which node. An image counts as
// there only if it is the engine's very image, whatever its name.
func (s Inventory) Missing() []Missing {
	var missing []Missing
	for i, n := range s.nodes {
		for _, image := range lacking(s.have[i].records, s.images) {
			missing = append(missing, Missing{Node: n.Name(), Image: image})
		}
	}
	return missing
}

// Nameless tells which of the others some node has no image for, whatever image it
// is.
func (s Inventory) Unresolved() []string {
	var nameless []string
	for _, ref := range s.others {
		if slices.ContainsFunc(s.have, func(have nodeInventory) bool { return have.records[engine.FullRef(ref)].target == "" }) {
			nameless = append(nameless, ref)
		}
	}
	return nameless
}

func lacking(records map[string]record, images []engine.Image) []engine.Image {
	var missing []engine.Image
	for _, i := range images {
		if !records[i.Ref].is(i) {
			missing = append(missing, i)
		}
	}
	return missing
}

// An inventory is what a node has: the records of the images in question, and if
// some of these are not there, all that a load can use.
type nodeInventory struct {
	machine     string // as `uname -m` says
	snapshotter string
	local       bool            // ctr can write blobs itself: containerd 1.7 and later
	blobs       map[string]bool // digests in the content store
	chains      map[string]bool // chain ids of unpacked layers
	records     map[string]record
}

func takeInventory(ctx context.Context, n Node, images []engine.Image, others []string) (nodeInventory, error) {
	var out bytes.Buffer
	command := []string{"sh", "-c", inventoryScript, "inventory", byName(images, others)}
	for _, i := range images {
		command = append(command, i.Ref, i.ID)
	}
	if err := n.Run(ctx, nil, &out, command...); err != nil {
		return nodeInventory{}, fmt.Errorf("ask node %s for its images: %w", n.Name(), err)
	}
	return parseInventory(&out), nil
}

func parseInventory(text io.Reader) nodeInventory {
	have := nodeInventory{
		snapshotter: "overlayfs",
		blobs:       map[string]bool{}, chains: map[string]bool{}, records: map[string]record{},
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20) // an image may have many labels
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		have.add(kind, strings.TrimSpace(rest))
	}
	return have
}

func (have *nodeInventory) add(kind, rest string) {
	switch kind {
	case "machine":
		have.machine = rest
	case "snapshotter":
		have.snapshotter = rest
	case "local":
		have.local = true
	case "blob":
		have.blobs[rest] = true
	case "snapshot":
		// Key, parent, kind: only committed snapshots are finished layers.
		if fields := strings.Fields(rest); len(fields) > 1 && fields[len(fields)-1] == "Committed" {
			have.chains[fields[0]] = true
		}
	case "image":
		if ref, r, ok := parseRecord(rest); ok {
			have.records[ref] = r
		}
	}
}

// unpacked is how many of an image's layers, from the lowest, the node has
// unpacked. Chain ids are of the OCI image specification: each is the hash of
// the one below and the layer's own digest.
func (have nodeInventory) unpacked(diffIDs []string) int {
	chain := ""
	for i, diffID := range diffIDs {
		if chain = chainID(chain, diffID); !have.chains[chain] {
			return i
		}
	}
	return len(diffIDs)
}

// architectures are Go's names for what `uname -m` says.
var architectures = map[string]string{
	"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "armv6l": "arm",
	"ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
}

// runs reports whether the node's machine can run the image. A machine that is
// not known here is given the benefit of the doubt.
func (have nodeInventory) runs(i engine.Image) (arch string, ok bool) {
	arch = architectures[have.machine]
	parts := strings.Split(i.Platform, "/")
	return arch, arch == "" || len(parts) < 2 || parts[1] == arch
}

// A record is what a node's containerd knows under an image's name.
type record struct {
	target string // digest of its manifest or index
	labels string // k=v,k=v
}

// is reports that the record is of the image.
func (r record) is(i engine.Image) bool {
	return r.label(labelID) == i.ID && r.target != "" && r.label(labelManifest) == r.target
}

func (r record) label(key string) string {
	for pair := range strings.SplitSeq(r.labels, ",") {
		if value, found := strings.CutPrefix(pair, key+"="); found {
			return value
		}
	}
	return ""
}

// parseRecord reads a line of `ctr images ls`: name, type, digest, size (two
// words), platforms, labels.
func parseRecord(line string) (ref string, r record, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[2], "sha256:") {
		return "", record{}, false
	}
	return fields[0], record{target: fields[2], labels: fields[len(fields)-1]}, true
}

func parseRecords(text []byte) map[string]record {
	records := map[string]record{}
	for line := range strings.Lines(string(text)) {
		if ref, r, ok := parseRecord(line); ok {
			records[ref] = r
		}
	}
	return records
}
