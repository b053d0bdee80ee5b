package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// PrepareJUnit finds out before the work begins whether a report can be written
// to path, and makes its folder. The report of an earlier run is removed, so
// that a file that is there is of this run. What is there and no report is left
// alone: a slip of the hand must not cost a source file.
func PrepareJUnit(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return cannotWrite(path, err)
	}
	if err := checkEarlier(path); err != nil {
		return cannotWrite(path, err)
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".junit-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	if removal := os.Remove(path); !errors.Is(removal, fs.ErrNotExist) {
		err = errors.Join(err, removal)
	}
	return cannotWrite(path, err)
}

// checkEarlier tells whether path may be replaced: it is not there, empty, or a
// report by its root element.
func checkEarlier(path string) error {
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
	if err == nil && len(text) > 0 && !bytes.Contains(text, []byte("<testsuite")) {
		err = errors.New("what is there is no JUnit report")
	}
	return err
}

// writeJUnit writes the file as a whole or not at all: a reader never finds a
// part of it.
func writeJUnit(path string, doc junitDocument) error {
	var text bytes.Buffer
	text.WriteString(xml.Header)
	encoder := xml.NewEncoder(&text)
	encoder.Indent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return cannotWrite(path, err)
	}
	text.WriteByte('\n')
	file, err := os.CreateTemp(filepath.Dir(path), ".junit-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	_, err = file.Write(text.Bytes())
	// readable for the server that collects it, which may be another user
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return cannotWrite(path, errors.Join(err, os.Remove(file.Name())))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return cannotWrite(path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

func cannotWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("write the JUnit report %s: %w", path, err), "name a file that can be written: --junit FILE")
}
