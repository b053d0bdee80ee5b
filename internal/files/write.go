package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file at path atomically: readers, and the next run if this one
// is killed, see the old or the new content. Whatever was at path, a link included,
// is replaced and not written to. The directory must exist.
func Write(path string, content []byte, mode fs.FileMode) error {
	if err := replace(path, content, mode); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: cause(err)}
	}
	return nil
}

func replace(path string, content []byte, mode fs.FileMode) error {
	temp, err := createTemp(filepath.Dir(path), "."+filepath.Base(path)+".tkdeploy-")
	if err != nil {
		return err
	}
	defer temp.Close()
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // else the next call does
	}
	return err
}

// cause omits the name of the temporary file.
func cause(err error) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	switch {
	case errors.As(err, &inPath):
		return inPath.Err
	case errors.As(err, &inLink):
		return inLink.Err
	}
	return err
}
