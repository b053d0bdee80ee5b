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

// spool stores the files of an archive in dir, except dropped layers.
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
		case header.Typeflag == tar.TypeReg && !isRedundant(name):
			if files[name], err = spoolFile(reader, name, header.Size, dir, len(files), drop); err != nil {
				return nil, err
			}
		}
	}
}

// smallFile is the size up to which no file is dropped, because by name a
// config or manifest looks like a layer. Registries limit both to 4 MiB.
const smallFile = 4 << 20

// isRedundant reports whether a file of the older format repeats others.
func isRedundant(name string) bool {
	base := path.Base(name)
	return base == "VERSION" || base == "json" || name == "repositories"
}

func spoolFile(from io.Reader, name string, size int64, dir string, n int, drop dropFunc) (spooledFile, error) {
	if id, unneeded := drop(name); unneeded && size > smallFile {
		return spooledFile{digest: id, size: size}, nil
	}
	file, err := os.Create(filepath.Join(dir, strconv.Itoa(n)))
	if err != nil {
		return spooledFile{}, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, h), from)
	stored := spooledFile{digest: digest.NewDigest(digest.SHA256, h), size: size, path: file.Name()}
	return stored, errors.Join(err, file.Close())
}

var errMoved = errors.New("its tag was moved to another image during the load")

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
		return exportedImage{}, errMoved
	}
	return image, nil
}
