package engine

import "archive/tar"

// writeText adds a file to an archive.
func WriteTarFile(archive *tar.Writer, name string, text []byte) error {
	if err := WriteTarHeader(archive, name, int64(len(text))); err != nil {
		return err
	}
	_, err := archive.Write(text)
	return err
}

// writeHeader begins a file of an archive; what is in it follows.
func WriteTarHeader(archive *tar.Writer, name string, size int64) error {
	return archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size})
}
