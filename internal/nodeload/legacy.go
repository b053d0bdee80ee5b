package nodeload

import (
	"fmt"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// legacyImage reads an image of the archives that Docker wrote before version
// 25: <config>.json and <id>/layer.tar, tied together by manifest.json.
// containerd would import such an archive only with all layers in it, so the
// image gets an OCI manifest. Its digest depends on nothing but the image.
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
	return exportedImage{}, nil, fmt.Errorf("its archive lacks the image %s", i.ID)
}

func (s spooled) legacyEntry(config string, layers []string) (exportedImage, []string, error) {
	var parsed ocispecs.Image
	text, err := s.decode(config, &parsed)
	if err != nil {
		return exportedImage{}, nil, err
	}
	if len(layers) != len(parsed.RootFS.DiffIDs) {
		return exportedImage{}, nil, fmt.Errorf("%d layers, but %d in its config", len(layers), len(parsed.RootFS.DiffIDs))
	}
	image, err := imageOf(text, parsed, func(n int, diffID digest.Digest) (exportedLayer, error) {
		file, err := s.find(layers[n])
		if err == nil && file.digest != diffID {
			err = fmt.Errorf("layer %d is %s, not %s", n, file.digest, diffID)
		}
		return layerOf(diffID, file.size, file.write()), err
	})
	return image, texts(parsed.RootFS.DiffIDs), err
}

// legacyConfig is what Docker hashes as the image of a layer that is not the
// topmost, since 1.10 and up to 24, with its time zone's 1 January 1970.
const legacyConfig = `{"container_config":{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,` +
	`"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,` +
	`"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},"created":%q,"layer_id":%q`

// legacyIDs are the names that the older format gives to the folders of an
// image's layers, but for the topmost, whose name depends on the whole config.
// They only save work: a layer whose folder has another name is kept, hashed,
// and known by its hash.
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
