package program

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"

	"tkdeploy.dev/tkdeploy/internal/files"
)

const maxExecutable = 1 << 30

func readExecutable(path string) ([]byte, error) { return files.Read(path, maxExecutable) }

// digestStatic returns the digest of a static executable in hex.
func digestStatic(path string) (string, error) {
	file, err := files.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	executable, err := elf.NewFile(file)
	if err != nil {
		return "", err
	}
	for _, segment := range executable.Progs {
		if segment.Type == elf.PT_INTERP {
			return "", errors.New("it is dynamically linked; CGO_ENABLED=0 builds a static one")
		}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
