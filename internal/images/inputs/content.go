package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// content is a file's content up to the size that it had when it was opened. Another read
// of that size returns the same, even of a log that grows.
type content struct {
	size int64
	sum  string // hex
}

// readContent returns the content of a regular file. A socket has none, as in
// BuildKit, which sends it as an empty file.
func readContent(ctx context.Context, path string) (content, error) {
	h := sha256.New()
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		return content{sum: hex(h)}, nil
	}
	file, err := files.Open(path)
	if err != nil {
		return content{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return content{}, err
	}
	n, err := io.Copy(h, files.NewReader(ctx, io.LimitReader(file, info.Size())))
	return content{size: n, sum: hex(h)}, err
}

func hex(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }

// fraction returns nanoseconds below a second, derived from text.
func fraction(text string) int64 {
	sum := sha256.Sum256([]byte(text))
	return int64(binary.BigEndian.Uint64(sum[:]) % 1e9)
}

// describeAttributes returns the extended attributes that BuildKit hashes, and ""
// for most files (github.com/moby/buildkit, cache/contenthash/tarsum.go).
func describeAttributes(attributes map[string][]byte) string {
	line := ""
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		local := strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "system.")
		if name == "security.capability" || !local {
			line += fmt.Sprintf(" %q=%q", name, attributes[name])
		}
	}
	return line
}
