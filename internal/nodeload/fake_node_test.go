package nodeload

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// fakeNode imports archives like containerd: a config must be in the archive or
// the content store; a layer may also be unpacked.
type fakeNode struct {
	mu      sync.Mutex
	name    string
	machine string
	blobs   map[string][]byte
	chains  map[string]bool
	records map[string]record

	noLocal     bool     // ctr is older than 1.7
	wholeOnly   bool     // reject archives without all layers
	dropRecords bool     // import without adding records
	imports     []string // layers of each imported archive
}

func newFakeNode(name string) *fakeNode {
	return &fakeNode{name: name, machine: "x86_64", blobs: map[string][]byte{}, chains: map[string]bool{}, records: map[string]record{}}
}

func (n *fakeNode) Name() string { return n.name }

func (n *fakeNode) Run(_ context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch command[2] {
	case inventoryScript:
		n.inventory(stdout, command[4], command[5:])
	case importScript:
		if local := command[5] == "--local"; local == n.noLocal {
			return fmt.Errorf("got import arguments %q, want --local %t", command[4:6], !n.noLocal)
		}
		if err := n.importArchive(stdin, command[7:]); err != nil {
			return err
		}
		n.list(stdout, "", command[6])
	default:
		return fmt.Errorf("unknown command %q", command)
	}
	return nil
}

// list imitates `ctr images ls` of containerd 2.4 with name filters.
func (n *fakeNode) list(w io.Writer, prefix, filters string) {
	fmt.Fprintln(w, prefix+"REF  TYPE  DIGEST  SIZE  PLATFORMS  LABELS")
	for _, ref := range slices.Sorted(maps.Keys(n.records)) {
		r := n.records[ref]
		if !slices.Contains(strings.Fields(filters), "name=="+ref) {
			continue
		}
		fmt.Fprintf(w, "%s%s  application/vnd.oci.image.manifest.v1+json %s 1.9 MiB linux/amd64 %s \n", prefix, ref, r.target, r.labels)
	}
}

func (n *fakeNode) inventory(w io.Writer, filters string, pairs []string) {
	n.list(w, "image ", filters)
	all := true
	for ; len(pairs) > 0; pairs = pairs[2:] {
		all = all && n.records[pairs[0]].matches(engine.Image{ID: pairs[1]})
	}
	if all {
		return
	}
	fmt.Fprintf(w, "machine %s\nsnapshotter overlayfs\n", n.machine)
	if !n.noLocal {
		fmt.Fprintln(w, "local")
	}
	for blob := range n.blobs {
		fmt.Fprintln(w, "blob", blob)
	}
	fmt.Fprintln(w, "snapshot KEY  PARENT  KIND")
	fmt.Fprintln(w, "snapshot 040c767a3ad7e67df2c76b2074ee880e18c7ca73  sha256:efc6dec6  Active")
	for chain := range n.chains {
		fmt.Fprintln(w, "snapshot", chain, "   Committed")
	}
}

func (n *fakeNode) importArchive(archive io.Reader, labels []string) error {
	sent, err := readTar(archive)
	if err != nil {
		return err
	}
	var index ocispecs.Index
	if err := json.Unmarshal(sent[ocispecs.ImageIndexFile], &index); err != nil {
		return err
	}
	blobs := maps.Clone(n.blobs)
	for name, text := range sent {
		if path.Dir(name) == "blobs/sha256" {
			blobs["sha256:"+path.Base(name)] = text
		}
	}
	for _, entry := range index.Manifests {
		if err := n.unpack(blobs, sent, entry); err != nil {
			return fmt.Errorf("ctr: %w", err)
		}
	}
	if n.dropRecords {
		return nil
	}
	n.blobs = blobs
	for ; len(labels) > 0; labels = labels[3:] {
		r := n.records[labels[0]]
		r.labels = labels[1] + "," + labels[2]
		n.records[labels[0]] = r
	}
	return nil
}

func (n *fakeNode) unpack(blobs, sent map[string][]byte, entry ocispecs.Descriptor) error {
	var manifest ocispecs.Manifest
	var config ocispecs.Image
	if err := json.Unmarshal(blobs[entry.Digest.String()], &manifest); err != nil {
		return err
	}
	if err := json.Unmarshal(blobs[manifest.Config.Digest.String()], &config); err != nil {
		return err
	}
	var layers []string
	chain := ""
	for i, layer := range manifest.Layers {
		chain = chainID(chain, config.RootFS.DiffIDs[i].String())
		blob := layer.Digest.String()
		text, present := blobs[blob]
		if present && (digest.FromBytes(text) != layer.Digest || int64(len(text)) != layer.Size) {
			return fmt.Errorf("layer %s does not match its descriptor", blob)
		}
		if !present && !n.chains[chain] {
			return fmt.Errorf("content digest %s: not found", blob)
		}
		if _, inArchive := sent[blobName(layer.Digest)]; inArchive {
			layers = append(layers, blob)
		} else if n.wholeOnly {
			return errors.New("only whole images")
		}
		n.chains[chain] = true
	}
	n.imports = append(n.imports, strings.Join(layers, " "))
	n.records[entry.Annotations[nameAnnotation]] = record{target: entry.Digest.String()}
	return nil
}

func readTar(from io.Reader) (map[string][]byte, error) {
	files := map[string][]byte{}
	for reader := tar.NewReader(from); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if _, twice := files[header.Name]; twice {
			return nil, fmt.Errorf("duplicate file %s in the archive", header.Name)
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, reader); err != nil {
			return nil, err
		}
		files[header.Name] = text.Bytes()
	}
}
