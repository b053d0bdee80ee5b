package nodeload

import (
	"context"
	"io"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
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
func byName(images []engine.Image, others []string) string {
	var names []string
	for _, i := range images {
		names = append(names, "name=="+i.Ref)
	}
	for _, ref := range others {
		names = append(names, "name=="+engine.FullRef(ref))
	}
	return strings.Join(names, " ")
}
