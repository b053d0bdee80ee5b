package images

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// A Node is a machine of the cluster with containerd. Load calls Run from
// several goroutines, for the same node too.
type Node interface {
	Name() string

	// Run runs a command in the node to its end. The error of a command that
	// fails holds what it wrote to stderr. When ctx ends, the command is
	// stopped.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error
}

// Labels of an image's record in a node. The first is the engine's id of the
// image, the second the digest of the manifest that was imported for it. A
// record is of the image only if its label has the engine's id and its target
// still is that manifest: whoever imports something else under the same name
// changes the target, even where containerd keeps the labels. One `images ls`
// answers both, and it works for engines whose ids are config digests and for
// those with the containerd store, whose ids are manifest digests.
const (
	labelID       = "dev.tkdeploy.id"
	labelManifest = "dev.tkdeploy.manifest"
)

// inventoryScript lists what a node has, one word of kind first. Its arguments are
// which images are in question, for [byName], then a reference and an id for each:
// where the node has them all, it is asked for their records only. (Of all its
// images ctr would take three times as long: it adds up the size of each.) kind
// writes the node's snapshotter into containerd's config; a ctr that fails gives
// nothing, and then everything is sent.
const inventoryScript = `
images=$(set -f; ctr -n k8s.io images ls $1)
shift
printf '%s\n' "$images" | sed 's/^/image /'
printf '%s\n' "$images" | awk -v asked="$*" '
    BEGIN { for (n = split(asked, a, " "); n > 0; n -= 2) id[a[n-1]] = a[n] }
    ($1 in id) && index($NF, "` + labelID + `=" id[$1] ",") && index($NF, "` + labelManifest + `=" $3) { delete id[$1] }
    END { for (ref in id) exit 1 }
' && exit
s=$(sed -n 's/^ *snapshotter *= *"\([^"]*\)".*/\1/p' /etc/containerd/config.toml | head -n 1)
s=${s:-overlayfs}
echo "machine $(uname -m)"
echo "snapshotter $s"
{ ctr images import --help | grep -q -e --local && echo local; } &
ctr -n k8s.io content ls -q | sed -u 's/^/blob /' &
ctr -n k8s.io snapshots --snapshotter "$s" ls | sed -u 's/^/snapshot /' &
wait
`

// importScript imports the archive on stdin, labels the images' records and
// lists them. Its arguments are the snapshotter, --local or nothing, which images
// they are, for [byName], then a reference and two labels for each. With --local ctr
// writes the blobs itself; without, it hands the archive to containerd's
// transfer service in pieces of 32 KB, and takes twice as long.
const importScript = `
set -ef
ctr -n k8s.io images import $2 --snapshotter "$1" - >/dev/null
names=$3
shift 3
printf '%s\n' "$@" | xargs -n 3 -P 4 ctr -n k8s.io images label >/dev/null
ctr -n k8s.io images ls $names
`

// byName is the filter of these images for `ctr images ls`, a word for each. That a
// reference holds no blank and no comma is a matter of its grammar.
func byName(images []Image, others []string) string {
	var names []string
	for _, i := range images {
		names = append(names, "name=="+i.Ref)
	}
	for _, ref := range others {
		names = append(names, "name=="+fullRef(ref))
	}
	return strings.Join(names, " ")
}

// A record is what a node's containerd knows under an image's name.
type record struct {
	target string // digest of its manifest or index
	labels string // k=v,k=v
}

// is reports that the record is of the image.
func (r record) is(i Image) bool {
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

// An inventory is what a node has: the records of the images in question, and if
// some of these are not there, all that a load can use.
type inventory struct {
	machine     string // as `uname -m` says
	snapshotter string
	local       bool            // ctr can write blobs itself: containerd 1.7 and later
	blobs       map[string]bool // digests in the content store
	chains      map[string]bool // chain ids of unpacked layers
	records     map[string]record
}

func takeInventory(ctx context.Context, n Node, images []Image, others []string) (inventory, error) {
	var out bytes.Buffer
	command := []string{"sh", "-c", inventoryScript, "inventory", byName(images, others)}
	for _, i := range images {
		command = append(command, i.Ref, i.ID)
	}
	if err := n.Run(ctx, nil, &out, command...); err != nil {
		return inventory{}, fmt.Errorf("ask node %s for its images: %w", n.Name(), err)
	}
	return parseInventory(&out), nil
}

func parseInventory(text io.Reader) inventory {
	have := inventory{
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

func (have *inventory) add(kind, rest string) {
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
func (have inventory) unpacked(diffIDs []string) int {
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
func (have inventory) runs(i Image) (arch string, ok bool) {
	arch = architectures[have.machine]
	parts := strings.Split(i.Platform, "/")
	return arch, arch == "" || len(parts) < 2 || parts[1] == arch
}
