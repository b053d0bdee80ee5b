package inputs

import (
	"errors"
	"hash"
	"io"
)

// frozenReader returns a file's content, or an error at its end if it is not the
// content that was hashed.
type frozenReader struct {
	entry frozenEntry
	from  io.Reader
	file  io.Closer // may be nil
	sum   hash.Hash
	fail  func(error)
}

// Read implements [io.Reader].
func (r *frozenReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex(r.sum) != r.entry.sum {
		err = r.entry.changed()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.fail(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (r *frozenReader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
