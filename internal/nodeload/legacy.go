package nodeload

import (
	"fmt"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// legacyImage reads the format before Docker 25: <config>.json and
// <id>/layer.tar, listed in manifest.json. containerd imports it only with all
// layers, so the image gets an OCI manifest.
func (s spooled) legacyImage(i engine.Image) (exportedImage, []string, error) {
	var entries []struct {
		Config string
		Layers []string
	}
	if _, err := s.decode("manifest.json", &entries); err != nil {
		return exportedImage{}, nil, err
	}
	for _, entry := range entries {
		if entry.Config == strings.TrimPrefix(i.ID, "sha256:")+".json" {
			return s.legacyEntry(entry.Config, entry.Layers)
		}
	}
	return exportedImage{}, nil, fmt.Errorf("image %s is not in the archive", i.ID)
}

func (s spooled) legacyEntry(config string, layers []string) (exportedImage, []string, error) {
	var parsed ocispecs.Image
	text, err := s.decode(config, &parsed)
	if err != nil {
		return exportedImage{}, nil, err
	}
	if len(layers) != len(parsed.RootFS.DiffIDs) {
		return exportedImage{}, nil, fmt.Errorf("%d layers in the archive, but %d in the config", len(layers), len(parsed.RootFS.DiffIDs))
	}
	image, err := imageFromConfig(text, parsed, func(n int, diffID digest.Digest) (exportedLayer, error) {
		file, err := s.find(layers[n])
		if err == nil && file.digest != diffID {
			err = fmt.Errorf("layer %d has digest %s, want %s", n, file.digest, diffID)
		}
		return uncompressedLayer(diffID, file.size, file.write()), err
	})
	return image, digestStrings(parsed.RootFS.DiffIDs), err
}

// legacyConfig is the text that Docker 1.10 to 24 hashes to name a layer below
// the topmost. created is 1 January 1970 in the engine's time zone.
const legacyConfig = `{"container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,` +
	`"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,` +
	`"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},"created":%q,"layer_id":%q`

// legacyIDs returns the layers' directories, except the topmost, which depends
// on the whole config. A layer in any other directory is stored and hashed.
func legacyIDs(diffIDs []string, zone *time.Location) []string {
	created := time.Unix(0, 0).In(zone).Format(time.RFC3339Nano)
	var ids []string
	chain, parent := "", ""
	for _, diffID := range diffIDs[:max(0, len(diffIDs)-1)] {
		chain = chainID(chain, diffID)
		text := fmt.Sprintf(legacyConfig, created, chain)
		if parent != "" {
			text += fmt.Sprintf(`,"parent":%q`, parent)
		}
		id := digest.FromString(text + "}")
		ids, parent = append(ids, id.Encoded()), id.String()
	}
	return ids
}
