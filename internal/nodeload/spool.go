package nodeload

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	digest "github.com/opencontainers/go-digest"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// spool reads an archive to its end and keeps its files in dir, but for those
// that drop names.
func spool(archive io.Reader, dir string, drop dropFunc) (spooled, error) {
	files := spooled{}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		switch {
		case header.Typeflag == tar.TypeSymlink:
			files[name] = spooledFile{link: path.Join(path.Dir(name), header.Linkname)}
		case header.Typeflag == tar.TypeLink:
			files[name] = spooledFile{link: path.Clean(header.Linkname)}
		case header.Typeflag == tar.TypeReg && !legacyNoise(name):
			if files[name], err = keep(reader, name, header.Size, dir, len(files), drop); err != nil {
				return nil, err
			}
		}
	}
}

// smallFile is kept in any case: a config or manifest may be one of the blobs
// that all nodes have, its name does not tell it from a layer, and registries
// take none over 4 MiB.
const smallFile = 4 << 20

// legacyNoise are files of the older format that say nothing new.
func legacyNoise(name string) bool {
	base := path.Base(name)
	return base == "VERSION" || base == "json" || name == "repositories"
}

func keep(from io.Reader, name string, size int64, dir string, n int, drop dropFunc) (spooledFile, error) {
	if id, useless := drop(name); useless && size > smallFile {
		return spooledFile{digest: id, size: size}, nil
	}
	file, err := os.Create(filepath.Join(dir, strconv.Itoa(n)))
	if err != nil {
		return spooledFile{}, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, h), from)
	kept := spooledFile{digest: digest.NewDigest(digest.SHA256, h), size: size, path: file.Name()}
	return kept, errors.Join(err, file.Close())
}

// image finds an image in the archive. Engines from Docker 25 on write an OCI
// layout, older ones only manifest.json.
func (s spooled) image(i engine.Image) (exportedImage, error) {
	read := s.legacyImage
	if _, found := s["index.json"]; found {
		read = s.layoutImage
	}
	image, diffIDs, err := read(i)
	if err != nil {
		return exportedImage{}, err
	}
	if strings.Join(diffIDs, " ") != strings.Join(i.DiffIDs, " ") {
		return exportedImage{}, errors.New("its tag was moved to another image meanwhile")
	}
	return image, nil
}
