package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A file is a report that a run leaves in a file.
type file struct {
	what string // as in "write the JUnit report"
	flag string // that names its path
	sign string // is in every such file, and hardly in another
}

var (
	junitFile = file{what: "JUnit report", flag: "--junit", sign: "<testsuite"}
	htmlFile  = file{what: "HTML report", flag: "--report", sign: `<meta name="generator" content="tkdeploy">`}
)

// PrepareJUnit finds out before the work begins whether a report can be written
// to path, and makes its folder. The report of an earlier run is removed, so
// that a file that is there is of this run. What is there and no report is left
// alone: a slip of the hand must not cost a source file.
func PrepareJUnit(path string) error { return junitFile.prepare(path) }

// PrepareHTML is as [PrepareJUnit], for an HTML report.
func PrepareHTML(path string) error { return htmlFile.prepare(path) }

func (f file) prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return f.cannotWrite(path, err)
	}
	if err := f.checkEarlier(path); err != nil {
		return f.cannotWrite(path, err)
	}
	probe, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return f.cannotWrite(path, err)
	}
	err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	if removal := os.Remove(path); !errors.Is(removal, fs.ErrNotExist) {
		err = errors.Join(err, removal)
	}
	return f.cannotWrite(path, err)
}

// temporary is how a file is called until it is whole.
const temporary = ".tkdeploy-report-*"

// checkEarlier tells whether path may be replaced: it is not there, empty, or a
// report by its sign.
func (f file) checkEarlier(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("what is there is no regular file")
	}
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 && !bytes.Contains(text, []byte(f.sign)) {
		err = fmt.Errorf("what is there is no %s", f.what)
	}
	return err
}

// write writes the file as a whole or not at all: a reader never finds a part
// of it.
func (f file) write(path string, text []byte) error {
	whole, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return f.cannotWrite(path, err)
	}
	_, err = whole.Write(text)
	// readable for the server that collects it, which may be another user
	if err := errors.Join(err, whole.Chmod(0o644), whole.Close()); err != nil {
		return f.cannotWrite(path, errors.Join(err, os.Remove(whole.Name())))
	}
	if err := os.Rename(whole.Name(), path); err != nil {
		return f.cannotWrite(path, errors.Join(err, os.Remove(whole.Name())))
	}
	return nil
}

func (f file) cannotWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("write the %s %s: %w", f.what, path, err), "name a file that can be written: "+f.flag+" FILE")
}
