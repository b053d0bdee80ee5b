package nodeload

import (
	"context"
	"io"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Node is a cluster node with containerd. Load calls Run concurrently, also on
// the same node.
type Node interface {
	Name() string

	// Run runs a command in the node until ctx is done. Its error contains
	// stderr.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error
}

// Labels of an image record in a node: the engine's image ID, a digest of the
// config or the manifest, and the digest of the imported manifest. A record
// matches an image only if its target is still that manifest, because
// containerd may keep the labels when another image takes the name.
const (
	labelID       = "dev.tkdeploy.id"
	labelManifest = "dev.tkdeploy.manifest"
)

// inventoryScript lists the content of a node, one item per line after its
// type. The arguments are the filters of [nameFilter], then a reference and an
// ID per image. If the node has all images, it lists only their records.
// Unfiltered, ctr takes three times as long, because it computes every image's
// size. kind writes the snapshotter to containerd's config. If a ctr command
// fails, everything is sent.
const inventoryScript = `
images=$(set -f; ctr -n k8s.io images ls $1)
shift
printf '%s\n' "$images" | sed 's/^/image /'
printf '%s\n' "$images" | awk -v pairs="$*" '
    BEGIN { for (n = split(pairs, a, " "); n > 0; n -= 2) id[a[n-1]] = a[n] }
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

// importScript imports stdin, labels the image records and lists them. The
// arguments are the snapshotter, --local or "", the filters of [nameFilter],
// then a reference and two labels per image. With --local, ctr writes the blobs
// itself; containerd's transfer service takes twice as long.
const importScript = `
set -ef
ctr -n k8s.io images import $2 --snapshotter "$1" - >/dev/null
names=$3
shift 3
printf '%s\n' "$@" | xargs -n 3 -P 4 ctr -n k8s.io images label >/dev/null
ctr -n k8s.io images ls $names
`

// nameFilter returns filters for `ctr images ls`, separated by spaces.
func nameFilter(images []engine.Image, others []string) string {
	var names []string
	for _, i := range images {
		names = append(names, "name=="+i.Ref)
	}
	for _, ref := range others {
		names = append(names, "name=="+engine.FullRef(ref))
	}
	return strings.Join(names, " ")
}
