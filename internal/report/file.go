package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

type file struct {
	what   string // "JUnit report"
	flag   string
	marker string // identifies such a file
}

var (
	junitFile = file{what: "JUnit report", flag: "--junit", marker: "<testsuite"}
	htmlFile  = file{what: "HTML report", flag: "--report", marker: `<meta name="generator" content="tkdeploy">`}
)

// PrepareJUnit creates the directory of path and checks that a report can be
// written there. It removes an earlier report, so that an existing file always
// belongs to the current run. It fails if path is any other file: a typo must not
// cost a source file.
func PrepareJUnit(path string) error { return junitFile.prepare(path) }

// PrepareHTML is like [PrepareJUnit] for an HTML report.
func PrepareHTML(path string) error { return htmlFile.prepare(path) }

func (f file) prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return f.cannotWrite(path, err)
	}
	if err := f.checkExisting(path); err != nil {
		return f.cannotWrite(path, err)
	}
	probe, err := files.NewTempDir(filepath.Dir(path), ".tkdeploy-report-")
	if err != nil {
		return f.cannotWrite(path, err)
	}
	err = probe.Remove()
	if removal := os.Remove(path); !errors.Is(removal, fs.ErrNotExist) {
		err = errors.Join(err, removal)
	}
	return f.cannotWrite(path, err)
}

// markerOffset is where the marker of a report ends at the latest.
const markerOffset = 4 << 10

// checkExisting returns an error unless path is absent, empty or a report.
func (f file) checkExisting(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a regular file")
	}
	text, err := files.Head(path, markerOffset)
	if err == nil && len(text) > 0 && !bytes.Contains(text, []byte(f.marker)) {
		err = errors.New("file exists and is not a report: refusing to overwrite it")
	}
	return err
}

func (f file) write(path string, text []byte) error {
	err := files.Write(path, text, 0o644) // a CI server may collect it as another user
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err // cannotWrite names the path
	}
	return f.cannotWrite(path, err)
}

func (f file) cannotWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("write the %s %s: %w", f.what, path, err), "choose another file: "+f.flag+" FILE")
}
