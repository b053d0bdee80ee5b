// Command probes builds cmd/tkdeploy-probe for platforms of nodes and writes the
// compressed programs to a directory, for internal/verify/program to embed:
//
//	go run ./hack/probes DIRECTORY PLATFORM...
//
// Equal sources and an equal version of Go give equal bytes, on any machine and in any
// checkout.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

const (
	source     = "tkdeploy.dev/tkdeploy/cmd/tkdeploy-probe"
	maxProgram = 64 << 20
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probes:", err)
		os.Exit(1) //nolint:gocritic // stop only releases the signal
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: probes DIRECTORY PLATFORM [PLATFORM...]")
	}
	for _, platform := range args[1:] {
		if err := write(ctx, args[0], platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	return nil
}

func write(ctx context.Context, dir, platform string) error {
	executable, err := build(ctx, platform)
	if err != nil {
		return err
	}
	compressed, err := compress(executable)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, program.FileName(platform))
	fmt.Printf("%s: %d bytes, %d compressed\n", path, len(executable), len(compressed))
	return files.Write(path, compressed, 0o644)
}

// build overrides the caller's settings that change the program.
func build(ctx context.Context, platform string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "probes")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "probe")
	system, arch, _ := strings.Cut(platform, "/")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-trimpath", "GOEXPERIMENT=", "GOFIPS140=off")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", cmd, err)
	}
	return files.Read(path, maxProgram)
}

func compress(executable []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(executable)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}
