package report

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestPrepareJUnit(t *testing.T) {
	t.Parallel()
	t.Run("creates the directory and removes the old report", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "a", "b", "junit.xml")
		if err := PrepareJUnit(path); err != nil {
			t.Fatal(err)
		}
		killed := filepath.Join(filepath.Dir(path), ".tkdeploy-report-1")
		if err := os.Mkdir(killed, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, earlier := range []string{"", xml.Header + "<testsuites></testsuites>"} {
			if err := os.WriteFile(path, []byte(earlier), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := PrepareJUnit(path); err != nil {
				t.Fatal(err)
			}
			if got := names(t, filepath.Dir(path)); len(got) != 0 {
				t.Errorf("got leftover files %v", got)
			}
		}
	})

	t.Run("removes a large report without reading it", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "junit.xml")
		if err := os.WriteFile(path, []byte(xml.Header+"<testsuites>"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<40); err != nil { // sparse
			t.Fatal(err)
		}
		if err := PrepareJUnit(path); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("refuses a path that is not a report", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		link := filepath.Join(dir, "link")
		if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(file, link); err != nil {
			t.Fatal(err)
		}
		pipe := filepath.Join(dir, "pipe")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		for name, path := range map[string]string{
			"directory is a file":                filepath.Join(file, "junit.xml"),
			"path is a directory":                dir,
			"trailing slash":                     filepath.Join(dir, "new") + "/",
			"device":                             os.DevNull,
			"symbolic link":                      link,
			"named pipe":                         pipe,
			"existing file that is not a report": file,
		} {
			t.Run(name, func(t *testing.T) {
				if err := PrepareJUnit(path); fault.ClassOf(err) != fault.Environment || fault.HintOf(err) == "" {
					t.Errorf("got %v, want an environment error with a hint", err)
				}
			})
		}
		if text, err := os.ReadFile(link); err != nil || string(text) != "kept" {
			t.Errorf("got %q, %v; want the file unchanged", text, err)
		}
	})
}

func TestJUnit_Close(t *testing.T) {
	t.Parallel()
	t.Run("writes the file atomically", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "junit.xml")
		r := NewJUnit(JUnitOptions{Path: path, Group: "tkdeploy.ci"})
		r.Report(event.Event{Kind: event.StageFinished, Stage: "engine", Outcome: event.Unchanged})
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("got files %v before Close, want none", got)
		}
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); fault.ClassOf(err) != fault.Environment {
			t.Errorf("got %v", err)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("got leftover files %v", got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		diary := filepath.Join(t.TempDir(), "diary")
		if err := os.WriteFile(diary, []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(diary, path); err != nil { // since PrepareJUnit
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode() != 0o644 {
			t.Errorf("got %v, %v; want a file of mode 0644", info, err)
		}
		if text, err := os.ReadFile(diary); string(text) != "kept" {
			t.Errorf("got %q, %v in the target of the link, want no change", text, err)
		}
	})
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
