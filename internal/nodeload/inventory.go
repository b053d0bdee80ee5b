package nodeload

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Missing is an image that a node lacks.
type Missing struct {
	Node  string
	Image engine.Image
}

func (m Missing) String() string { return m.Image.Ref + " on node " + m.Node }

// Inventory is the images on each node at one time.
type Inventory struct {
	images []engine.Image
	others []string
	nodes  []Node
	have   []nodeInventory // in the order of nodes
}

// TakeInventory lists the images on each node with one command. others are
// references that the engine may lack. An image counts once for each of its names.
// Errors have class [fault.Load].
func TakeInventory(ctx context.Context, nodes []Node, images []engine.Image, others ...string) (Inventory, error) {
	images = withAliases(images)
	inv := Inventory{images: images, others: others, nodes: nodes, have: make([]nodeInventory, len(nodes))}
	work, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		work.Go(func() (err error) {
			inv.have[i], err = takeInventory(ctx, n, images, others)
			return err
		})
	}
	return inv, fault.New(fault.Load, work.Wait(), "")
}

func withAliases(images []engine.Image) []engine.Image {
	var all []engine.Image
	for _, i := range images {
		all = append(all, i)
		for _, alias := range i.Aliases {
			if !containsRef(all, alias) {
				other := i
				other.Ref = alias
				all = append(all, other)
			}
		}
	}
	return all
}

// Missing returns the images that each node lacks. An image with only the same
// name is missing.
func (inv Inventory) Missing() []Missing {
	var missing []Missing
	for i, n := range inv.nodes {
		for _, image := range missingImages(inv.have[i].records, inv.images) {
			missing = append(missing, Missing{Node: n.Name(), Image: image})
		}
	}
	return missing
}

// Unresolved returns the others that at least one node lacks.
func (inv Inventory) Unresolved() []string {
	var unresolved []string
	for _, ref := range inv.others {
		if slices.ContainsFunc(inv.have, func(n nodeInventory) bool { return n.records[engine.FullRef(ref)].target == "" }) {
			unresolved = append(unresolved, ref)
		}
	}
	return unresolved
}

func missingImages(records map[string]record, images []engine.Image) []engine.Image {
	var missing []engine.Image
	for _, i := range images {
		if !records[i.Ref].matches(i) {
			missing = append(missing, i)
		}
	}
	return missing
}

// nodeInventory holds the requested images' records and, if one is missing, the
// node's layers.
type nodeInventory struct {
	machine     string // from `uname -m`
	snapshotter string
	local       bool            // ctr has --local (containerd 1.7)
	blobs       map[string]bool // in the content store, by digest
	chains      map[string]bool // unpacked layers, by chain ID
	records     map[string]record
}

// inventoryLimit bounds an inventory, which takes some 0.3 s, or 10 s on a machine
// that is busy.
const inventoryLimit = 2 * time.Minute

func takeInventory(ctx context.Context, n Node, images []engine.Image, others []string) (nodeInventory, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, inventoryLimit, fmt.Errorf("no answer within %s", inventoryLimit))
	defer cancel()
	var out bytes.Buffer
	command := []string{"sh", "-c", inventoryScript, "inventory", nameFilter(images, others)}
	for _, i := range images {
		command = append(command, i.Ref, i.ID)
	}
	if err := n.Run(ctx, nil, &out, command...); err != nil {
		return nodeInventory{}, fmt.Errorf("list images on node %s: %w", n.Name(), err)
	}
	return parseInventory(&out), nil
}

func parseInventory(text io.Reader) nodeInventory {
	n := nodeInventory{
		snapshotter: "overlayfs",
		blobs:       map[string]bool{}, chains: map[string]bool{}, records: map[string]record{},
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20) // an image may have many labels
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		n.add(kind, strings.TrimSpace(rest))
	}
	return n
}

func (n *nodeInventory) add(kind, rest string) {
	switch kind {
	case "machine":
		n.machine = rest
	case "snapshotter":
		n.snapshotter = rest
	case "local":
		n.local = true
	case "blob":
		n.blobs[rest] = true
	case "snapshot":
		// key, parent and kind; only committed snapshots are complete
		if fields := strings.Fields(rest); len(fields) > 1 && fields[len(fields)-1] == "Committed" {
			n.chains[fields[0]] = true
		}
	case "image":
		if ref, r, ok := parseRecord(rest); ok {
			n.records[ref] = r
		}
	}
}

// unpacked returns how many layers are unpacked, from the lowest.
func (n nodeInventory) unpacked(diffIDs []string) int {
	chain := ""
	for i, diffID := range diffIDs {
		if chain = chainID(chain, diffID); !n.chains[chain] {
			return i
		}
	}
	return len(diffIDs)
}

// architectures maps `uname -m` to Go's names.
var architectures = map[string]string{
	"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "armv6l": "arm",
	"ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
}

// runs reports whether the node can run the image. An unknown machine runs any.
func (n nodeInventory) runs(i engine.Image) (arch string, ok bool) {
	arch = architectures[n.machine]
	parts := strings.Split(i.Platform, "/")
	return arch, arch == "" || len(parts) < 2 || parts[1] == arch
}
