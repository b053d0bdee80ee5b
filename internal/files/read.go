// Package files reads files at paths that people configure, and writes files at
// paths that others can predict.
package files

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ConfigLimit bounds the files that people write by hand. Helm allows 5 MiB for a
// file of a chart, and etcd 1.5 MiB for an object.
const ConfigLimit = 10 << 20

// Open opens a regular file for reading and follows links to it. It never blocks:
// any other kind of file, such as a named pipe or a device, is an error.
func Open(path string) (*os.File, error) {
	// Opening a device or a pipe may already have an effect.
	if info, err := os.Stat(path); err == nil {
		if err := checkRegular(path, info); err != nil {
			return nil, err
		}
	}
	return openRegular(path, os.O_RDONLY)
}

// openRegular checks the opened file, because path may have changed since an
// earlier check. O_NONBLOCK has no effect on regular files.
func openRegular(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Read returns the content of a regular file, see [Open]. A file of more than limit
// bytes is an error, also if it grows while it is read.
func Read(path string, limit int64) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %s", path, size(limit))
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// Head returns the first n bytes of a regular file, or fewer if it has fewer. See
// [Open].
func Head(path string, n int64) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, n))
}

// NewReader returns a reader of r that fails with the cause of ctx once ctx is done.
// It cannot interrupt a call of r's Read.
func NewReader(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func checkRegular(path string, info fs.FileInfo) error {
	kind := "a special file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeSymlink != 0:
		kind = "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return fmt.Errorf("%s is not a regular file but %s", path, kind)
}

func size(bytes int64) string {
	switch {
	case bytes%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
